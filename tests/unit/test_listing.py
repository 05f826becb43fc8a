"""All requests in a table."""

import json

import pytest

from foa.cli import inspection
from foa.cli.listing import list_requests, print_requests
from foa_stage.manifests import Criterion, RequestFailed, Target
from foa_stage.tree import RunTree
from foa_testing.fakes import factories

RUNS = (1, 2)
VELA = Target(name="Vela", ra=128.8, dec=-45.2)


@pytest.fixture
def tree(tmp_path):
    """A tree with one request of which a run has failed, and one that has failed as a whole."""
    tree = RunTree(tmp_path / "tree")
    for manifest in (
        factories.request_submitted(),
        factories.run_selected(1, RUNS),
        factories.dl3_ready(1, RUNS),
        factories.run_failed(2, RUNS),
        RequestFailed(request=factories.make_request(VELA), reason="selector: no run of Vela"),
    ):
        tree.record(manifest)
    return tree


@pytest.fixture
def conclude(tree, tmp_path):
    """Give the first request results with this content."""

    def write(content):
        path = tmp_path / "products/results.json"
        path.parent.mkdir()
        path.write_text(content)
        product = factories.make_product("results.json", path)
        ready = factories.analysis_ready().model_copy(update={"products": (product,)})
        tree.record(ready)

    return write


def spectra(**significances):
    plots = [
        {"level": level, "counts": {"significance": significance}}
        for level, significance in significances.items()
    ]
    return json.dumps({"findings": {"all": {"theta2": plots}}})


def test_a_row_tells_what_a_request_is_and_how_far_it_is(tree):
    crab, vela = list_requests(tree)
    submitted = crab.pop("submitted")
    assert len(submitted) == len("2024-12-05 20:00")
    assert crab == {
        "request": factories.make_request().id,
        "target": "Crab",
        "profile": "quick-look",
        "nights": "2024-12-05",
        "runs": 2,
        "failed": 1,
        "phase": "reconstructing",
        "significance": None,
        "reason": None,
    }
    assert (vela["phase"], vela["reason"]) == ("failed", "selector: no run of Vela")


@pytest.mark.parametrize(
    ("content", "significance"),
    [
        (spectra(DL2=3.0, DL3=5.5), 5.5),
        (spectra(DL2=3.0), 3.0),
        (spectra(), None),
        (spectra(DL3=None), None),
        ("{}", None),
        ("nonsense", None),
    ],
)
def test_the_significance_is_that_of_the_newest_results_if_they_have_one(
    tree, conclude, content, significance
):
    conclude(content)
    assert list_requests(tree)[0]["significance"] == significance


@pytest.mark.parametrize("target", ["x", "../manifests/x.1a.id.json", "../manifests"])
def test_an_odd_request_is_one_row_and_the_others_are_listed(tree, target):
    journal = tree.request_directory(factories.make_request().id) / "journal"
    (journal / f"{len(list(journal.iterdir())) + 1:08d}").symlink_to(target)
    crab, vela = list_requests(tree)
    assert crab["request"] == factories.make_request().id
    assert vela["phase"] == "failed"


def test_a_document_that_is_gone_concerns_its_request_alone(tree):
    (document,) = tree.root.glob("requests/crab-*/manifests/*/request.submitted.*")
    document.unlink()
    crab, vela = list_requests(RunTree(tree.root))
    assert crab["request"] == factories.make_request().id
    assert vela["phase"] == "failed"


def test_what_is_wrong_comes_first(tree, capsys):
    broken = tree.request_directory(factories.make_request().id) / "request.json"
    broken.write_text("{}")
    print_requests(tree, as_json=False)
    *wrong, first, second = (
        line for line in capsys.readouterr().out.splitlines() if "2024" in line
    )
    assert "unreadable: target" in "".join(wrong)
    assert "failed: selector: no run of Vela" in "".join(wrong)
    assert len(wrong) == 2
    assert {first.split()[1][:4], second.split()[1][:4]} == {"crab", "vela"}


def test_a_narrow_terminal_has_fewer_columns_and_no_cut_words(tree, capsys, monkeypatch):
    monkeypatch.setattr("foa.cli.output.PIPE_WIDTH", 80)
    print_requests(tree, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert "quick-look" not in "".join(lines)
    assert "reconstructing" in "".join(lines)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_a_list_reads_no_manifest_of_a_run(tree):
    before = list_requests(tree)
    for path in tree.root.glob("requests/*/manifests/run.*.json"):
        path.write_text("nonsense")
    assert [row | {"submitted": ""} for row in list_requests(tree)] == [
        row | {"submitted": ""} for row in before
    ]


def test_a_failed_request_is_shown_with_its_reason_first(tree, capsys):
    assert inspection.show(tree, "vela", as_json=False) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("failed: selector: no run of Vela")
    assert inspection.show(tree, "vela", as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["failure"] == "selector: no run of Vela"


def test_a_request_with_a_failed_run_is_shown_with_it_first(tree, capsys):
    assert inspection.show(tree, "crab", as_json=False) == 0
    assert capsys.readouterr().out.startswith("1 of 2 runs failed: 2\n")


def test_why_begins_with_the_failure_of_the_request(tree, capsys):
    assert inspection.why(tree, "vela", None, as_json=True) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["what"], row["verdict"]) == ("request", "failed")
    assert row["limit or reason"] == "selector: no run of Vela"


def test_why_begins_with_the_runs_that_failed(tree, capsys):
    assert inspection.why(tree, "crab", None, as_json=True) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["run"] for row in rows] == [2, 1, 1]
    assert rows[0]["verdict"] == "failed"


def test_values_of_criteria_are_numbers(tree, capsys):
    zenith = Criterion(name="zenith", passed=False, value=36.123456, limit="0 to 35")
    run = factories.make_run(1).model_copy(update={"criteria": (zenith,)})
    tree.record(factories.run_selected(1, RUNS).model_copy(update={"run": run}))
    inspection.why(tree, "crab", 1, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert next(row for row in rows if row["what"] == "zenith")["value"] == 36.123456


def test_a_long_reason_is_shown_to_its_end(tree, capsys):
    reason = " ".join(f"word{number}" for number in range(60))
    tree.record(factories.run_failed(2, RUNS).model_copy(update={"reason": reason}))
    inspection.show(tree, "crab", as_json=False)
    assert "word59" in capsys.readouterr().out


def test_a_path_in_a_narrow_table_is_folded_and_not_cut(tree, capsys, monkeypatch):
    monkeypatch.setattr("foa.cli.output.PIPE_WIDTH", 80)
    path = f"/archive/{'x' * 60}.h5"
    tree.record(factories.run_failed(2, RUNS).model_copy(update={"reason": path}))
    inspection.show(tree, "crab", as_json=False)
    said = capsys.readouterr().out
    assert said.count("x") >= 60
    assert "…" not in said


def test_of_many_requests_some_are_named(tree):
    for number in range(20):
        request = factories.make_request(VELA.model_copy(update={"ra": float(number)}))
        tree.record(factories.request_submitted().model_copy(update={"request": request}))
    with pytest.raises(Exception, match=r"several requests begin with 'vela': .*, and 11 more"):
        inspection.find_request(tree, "vela")
