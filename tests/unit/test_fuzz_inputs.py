"""Whatever people and documents say, the command ends with a clear error or none."""

import itertools
import json
import re
import shutil
from datetime import date

import pytest
import structlog
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from foa.cli.__main__ import make_app
from foa.cli.output import make_console
from foa.cli.results import print_results, read_significance
from foa.errors import ExitStatus, FoaError
from foa.intake.request_files import read_request
from foa.intake.targets import read_target
from foa.site import read_site
from foa_stage.jobs import Died, JobState, Resources
from foa_stage.manifests import (
    RequestCancelled,
    RequestCommented,
    RequestHeld,
    RequestPinned,
    ServiceHeld,
)
from foa_stage.tree import Attempt, Report, RunTree
from foa_testing.fakes import factories, stub_site

SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates()),
    *(st.datetimes(), st.binary(max_size=20)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
TAGS = ("int", "float", "bool", "null", "timestamp", "binary", "set", "omap", "pairs", "str", "map")
YAML_PARTS = st.sampled_from(
    [
        *("target: Crab\n", "nights: ", "2024-12-05", "20241131", "runs: [", "]", "{", "}", ": "),
        *("- ", "\n", "&a ", "*a", "|\n", "'", '"', "\\0", "\0", "\x1b", "!!python/none ", "? "),
        *(f"!!{tag} " for tag in TAGS),
        *(
            "9" * 5000,
            "[" * 900,
            ".inf",
            "1:60:99",
            "0x",
            "<<: *a",
            "%YAML",
            "---\n",
            "é",
            "\ud800",
        ),
    ]
)
NAMES = st.sampled_from(["target", "nights", "zenith", "offset", "runs", "profile", "x"])
REQUESTS = st.dictionaries(NAMES, VALUES).map(
    lambda content: {"target": "Crab", "nights": date(2024, 12, 5)} | content
)


def write(path, text):
    path.write_bytes(text.encode(errors="surrogatepass"))
    return path


def ends_clearly(function, *arguments):
    """Check that a call ends well or with one line for a person."""
    try:
        function(*arguments)
    except FoaError as error:
        assert str(error)
        assert "\n" not in str(error)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("fuzz")
    stub_site.make_local_site(home)
    RunTree(home / "tree").record(factories.request_submitted())
    RunTree(home / "tree").record(factories.run_selected())
    return home


@pytest.fixture(scope="module")
def site(home):
    return read_site(home / "site.yaml")


@pytest.fixture(scope="module")
def foa(home):
    """Type words; returns the exit status and what was said."""
    runner, app = CliRunner(), make_app()

    def type_(*words):
        ended = runner.invoke(app, words, env={"FOA_SITE": str(home / "site.yaml")})
        assert ended.exit_code in set(ExitStatus), (ended.output, ended.exc_info)
        assert "Traceback" not in ended.output
        assert "this is a bug" not in ended.output
        assert "\x1b" not in ended.output
        return ended

    yield type_
    structlog.reset_defaults()


@given(st.lists(YAML_PARTS, max_size=8).map("".join) | st.text())
def test_any_text_is_a_request_or_a_clear_error(home, site, text):
    ends_clearly(read_request, write(home / "text.yaml", text), site)


@given(REQUESTS)
def test_any_mapping_is_a_request_or_a_clear_error(home, site, content):
    ends_clearly(read_request, write(home / "mapping.yaml", yaml.safe_dump(content)), site)


@given(
    st.sampled_from(["name", "tree", "environments", "images", "archive", "execution", "broker"]),
    VALUES,
)
def test_any_site_is_valid_or_a_clear_error(home, name, value):
    content = yaml.safe_load((home / "site.yaml").read_text()) | {name: value}
    ends_clearly(read_site, write(home / "other.yaml", yaml.safe_dump(content)))


@given(
    st.sampled_from(["run_summary", "dl1", "models", "production", "test_dl2"]),
    VALUES
    | st.lists(st.sampled_from(["{", "}", "night", ":05d", "!r", "/", "*", "é"])).map("".join),
)
def test_any_archive_is_valid_or_a_clear_error(home, name, value):
    content = yaml.safe_load((home / "site.yaml").read_text())
    content["archive"][name] = value
    ends_clearly(read_site, write(home / "other.yaml", yaml.safe_dump(content)))


@given(st.text() | st.text(alphabet="0123456789.,:+-hmsd°' \"", max_size=30))
def test_any_text_is_a_target_or_a_clear_error(text):
    ends_clearly(read_target, text)


WORDS = st.sampled_from(
    [
        *("list", "show", "why", "log", "check", "dlq", "ls", "show", "drop", "bus", "users"),
        *("analyze", "--target", "Crab", "400,95", "--json", "--output", "/dev/null", "--help"),
        *("crab", "", "1", "-1", "0", "x [/b]", "\x1b[31m", "é\u202e", "--site", "/", "/dev/null"),
        *("--version", "--yes", "selector", "9" * 30, "submit", "/nonexistent.yaml", "*", "[a"),
    ]
)


@given(st.lists(WORDS, max_size=5))
def test_any_words_end_with_an_exit_status_of_the_table(foa, words):
    foa(*words)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A site with a request of which every kind of document is in the run tree."""
    home = tmp_path_factory.mktemp("original")
    stub_site.make_local_site(home)
    tree = RunTree(home / "tree")
    words = {"request": factories.make_request(), "said": factories.request_submitted().said}
    for manifest in (
        *(factories.request_submitted(), factories.run_selected(), factories.dl2_ready()),
        *(factories.irf_ready(), factories.dl3_ready(), factories.run_failed(2, (1, 2))),
        *(factories.request_failed(), factories.analysis_ready()),
        *(RequestCommented(**words), RequestHeld(**words, held=True)),
        *(RequestPinned(**words, pinned=True), RequestCancelled(**words)),
    ):
        tree.record(manifest)
    tree.hear_hold(ServiceHeld(held=True, said=words["said"]))
    _work_on(tree, factories.run_selected())
    return home


def _work_on(tree, manifest):
    """Let a run be converted at the second attempt."""
    work = tree.work("dl2-converter", "0123456789abcdef")
    tree.link_work(manifest, work, per_run=True)
    for number, death in ((1, Died("job", JobState.TIMEOUT)), (2, None)):
        attempt = Attempt(work, number)
        attempt.begin(Resources(memory_mib=1, time_limit_s=1))
        attempt.record_ending(death)
    work.write_report(Report(outcome="done", exit_code=0))


@pytest.fixture(scope="module")
def copy(original):
    """Copy the site to a new place: documents are read once, and remembered by their paths."""
    numbers = itertools.count()

    def make():
        home = original / f"copy-{next(numbers)}"
        shutil.copytree(original / "tree", home / "tree", symlinks=True)
        site = (original / "site.yaml").read_text()
        (home / "site.yaml").write_text(site.replace(f"{original}/tree", f"{home}/tree"))
        return home

    return make


@pytest.fixture(scope="module")
def look(foa):
    """Look at the request of a site in every way; return the exit statuses."""

    def type_(home):
        site = ("--site", str(home / "site.yaml"))
        (request_id,) = RunTree(home / "tree").request_ids()
        assert foa("list", *site).exit_code == ExitStatus.DONE
        ways = (("show", request_id), ("why", request_id), ("log", request_id, "1"))
        return {foa(*words, *site).exit_code for words in ways}

    return type_


def test_documents_of_any_content_are_listed_shown_and_explained(original, copy, look):
    tree = original / "tree"
    documents = sorted(path.relative_to(original) for path in tree.rglob("*.json"))

    @given(st.sampled_from(documents), VALUES | st.just(...), st.integers(0, 400))
    @settings(max_examples=settings.default.max_examples // 2)
    def damage(name, value, length):
        home = copy()
        whole = (home / name).read_bytes()
        content = whole[:length] if value is ... else json.dumps(value, default=str).encode()
        (home / name).write_bytes(content)
        odd = {ExitStatus.BAD_INPUT} if name.name == "request.json" else set()
        assert look(home) <= {ExitStatus.DONE, ExitStatus.FAILED} | odd
        shutil.rmtree(home)

    damage()


@pytest.mark.parametrize(
    "target", ["x", "/etc/passwd", "../manifests", "../manifests/_words/x.y.z.json", "é.1a.b.json"]
)
def test_an_odd_link_in_a_journal_ends_no_command(copy, look, target):
    home = copy()
    (journal,) = (home / "tree").glob("requests/*/journal")
    for links in (journal, home / "tree/holds/journal"):
        (links / f"{len(list(links.iterdir())) + 1:08d}").symlink_to(target)
    assert look(home) <= {ExitStatus.DONE, ExitStatus.FAILED}


@pytest.mark.parametrize(
    "name",
    [
        *("manifests/x.1a.id.json", "manifests/run.selected.1a.id.json", "manifests/_words/x"),
        *("jobs/x.1a", "jobs/dl2-converter.1a", "jobs/dl2-converter.", "jobs/a.b.c"),
        *("results/1a-final", "results/9-", "request.json.bak"),
    ],
)
def test_an_odd_name_in_a_request_ends_no_command(copy, look, name):
    home = copy()
    (request,) = (home / "tree").glob("requests/*")
    (request / name).parent.mkdir(exist_ok=True)
    (request / name).symlink_to(home / "tree/work/dl2-converter/0123456789abcdef")
    assert look(home) <= {ExitStatus.DONE, ExitStatus.FAILED}


@pytest.mark.parametrize("name", ["attempt-x", "attempt-", "attempt-1a", "attempt--1"])
def test_an_odd_name_in_a_piece_of_work_ends_no_command(copy, look, name):
    home = copy()
    work = home / "tree/work/dl2-converter/0123456789abcdef"
    shutil.copytree(work / "attempt-2", work / name)
    (work / "report.json").unlink()
    assert look(home) <= {ExitStatus.DONE, ExitStatus.FAILED}


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_in_no_year_of_utc_end_no_command(copy, look, when):
    home = copy()
    for path in (home / "tree").rglob("*.json"):
        text = re.sub(r'"when": ?"[^"]*"', f'"when": "{when}"', path.read_text())
        path.write_text(text)
    assert look(home) <= {ExitStatus.DONE, ExitStatus.FAILED}


@given(VALUES | st.builds(lambda value: {"findings": {"all": {"theta2": value}}}, VALUES))
def test_results_of_any_content_are_shown_or_said_to_be_unreadable(home, value):
    (home / "results.json").write_text(json.dumps(value, default=str))
    ends_clearly(read_significance, home)
    ends_clearly(print_results, make_console(), home)
