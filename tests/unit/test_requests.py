"""Request, site and profile files: what is wrong in them is named."""

import json
from datetime import date

import jsonschema
import pytest
import yaml

from foa.errors import FoaError
from foa.intake.request_files import read_profile, read_request
from foa.intake.targets import read_target
from foa.site import read_site
from foa.yaml_models import read_yaml


@pytest.fixture
def site(repository):
    return read_site(repository / "deploy/sites/demo.yaml")


@pytest.fixture
def ask(tmp_path, site):
    def read(text):
        path = tmp_path / "request.yaml"
        path.write_text(text)
        return read_request(path, site)

    return read


@pytest.mark.parametrize("name", ["demo", "lst-it"])
def test_the_shipped_sites_are_valid(repository, name):
    assert read_site(repository / f"deploy/sites/{name}.yaml").name == name


@pytest.mark.parametrize("name", ["crab", "too"])
def test_the_shipped_requests_are_valid(repository, site, name):
    assert read_request(repository / f"deploy/requests/{name}.yaml", site).id


def test_a_name_one_night_and_a_zenith_range_are_a_request(ask):
    request = ask("target: crab nebula\nnights: 2024-12-05\nzenith: [0, 35]")
    assert request.target.name == "Crab"
    assert request.first_night == request.last_night == date(2024, 12, 5)
    assert request.profile.selection.zenith_deg.high == 35


def test_a_night_may_be_spelled_as_directories_do(ask):
    assert ask("target: Crab\nnights: 20241205").first_night == date(2024, 12, 5)
    request = ask("target: Crab\nnights: [20241205, 2024-12-07]")
    assert (request.first_night, request.last_night) == (date(2024, 12, 5), date(2024, 12, 7))


@pytest.mark.parametrize("name", ["crab", "too"])
def test_the_schema_accepts_the_shipped_requests(repository, name):
    schema = json.loads((repository / "deploy/schemas/request-file.json").read_text())
    content = yaml.safe_load((repository / f"deploy/requests/{name}.yaml").read_text())
    jsonschema.validate(json.loads(json.dumps(content, default=str)), schema)


@pytest.mark.parametrize("nights", [20241205, "2024-12-05", ["2024-12-05", 20241207]])
def test_the_schema_accepts_what_is_read(repository, ask, nights):
    schema = json.loads((repository / "deploy/schemas/request-file.json").read_text())
    content = {"target": "Mkn 421", "nights": nights}
    jsonschema.validate(content, schema)
    assert ask(yaml.safe_dump(content)).first_night == date(2024, 12, 5)


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("/archive/{nigth}.h5", "nigth"),
        ("/archive/{obs_id:04d}.h5", "obs_id"),
        ("/archive/{}.h5", "neither"),
        ("/archive/**/x.h5", "neither"),
        ("/archive/{night.h5", "archive"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_named(tmp_path, repository, template, what):
    content = yaml.safe_load((repository / "deploy/sites/demo.yaml").read_text())
    content["archive"]["dl1"] = template
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(FoaError, match=what):
        read_site(tmp_path / "site.yaml")


def test_the_same_file_is_the_same_request(ask):
    text = "target: Crab\nnights: [2024-12-05, 2024-12-07]"
    assert ask(text).id == ask(text).id


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("target: Crabb\nnights: 2024-12-05", "did you mean Crab"),
        ("target: Nowhere 7\nnights: 2024-12-05", "give its position"),
        ("target: {name: x, ra: 400, dec: 0}\nnights: 2024-12-05", "ra"),
        ("target: Crab", "nights"),
        ("target: Crab\nnights: [2024-12-07, 2024-12-05]", "after last night"),
        ("target: Crab\nnights: 2024-12-05\nzenit: [0, 35]", "zenit"),
        ("target: Crab\nnights: 2024-12-05\nzenith: [35, 0]", "not below"),
        ("target: Crab\nnights: 2024-12-05\nruns: []", "empty list"),
        ("target: Crab\nnights: 2024-12-05\nruns: [true]", "runs.0"),
        ("target: Crab\nnights: 2024-12-05\nruns: [7, 7]", "named more than once: 7"),
        ("target: Crab\nnights: 2024-12-05\nzenith: [0, .inf]", "finite"),
        ("target: Crab\nnights: 2024-11-31", "not YAML: day is out of range"),
        ("target: Crab\nnights: 20241131", "nights"),
        ("target: Crab\nnights: [0001-01-01, 9999-12-31]", "more than 3660 nights"),
        ("target: Crab\nnights: " + "9" * 5000, "not YAML"),
        ("[" * 5000, "not YAML"),
        ("target: Crab\nnights: 2024-12-05\nprofile: deep", "unknown profile 'deep'"),
        ("- target", "not a mapping"),
        ("target: [", "not YAML"),
    ],
)
def test_a_faulty_request_says_what_is_wrong(ask, text, what):
    with pytest.raises(FoaError, match=what):
        ask(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "target: Crab\nnigts: 20241205",
            "nights: is missing; nigts: is not known, did you mean nig",
        ),
        (
            "target: Crab\nnights: 20241131",
            "nights: must be a date such as 2024-12-05, not '2024-11",
        ),
        ("target: Crab\nnights: yesterday", "nights: must be a date such as 2024-12-05"),
        ("target: Crab\nnights: 1733356800", "nights: must be a date such as 2024-12-05"),
        (
            "target: {name: x, ra: a, dec: 0}\nnights: 20241205",
            "target.ra: must be a number, not 'a'",
        ),
        ("target: {name: x, ra: 1}\nnights: 20241205", "target.dec: is missing"),
        ("target: [x]\nnights: 20241205", "target: must be "),
        ("target: Krab\nnights: 20241205", "unknown target 'Krab': did you mean Crab?"),
        ("target: Crab\nnights: 20241205\nzenith: [35, 0]", "zenith: 35.0 is not below 0.0"),
        ("target: Crab\nnights: 20241205\nzenith: 35", "zenith: must be a list, not 35"),
        ("target: Crab\nnights: 20241205\nruns: [x]", "runs.0: must be a whole number, not 'x'"),
        (
            "target: Crab\nnights: 20241205\nruns: [123456789]",
            "runs.0: must be less than 100000000",
        ),
        ("target: Crab\nnights: 20241205\nprofile: p.yaml", "p.yaml: No such file or directory"),
        ('target: "a\\0b"\nnights: 20241205', "not YAML: a NUL character in a text (line 1"),
        ("target: !!timestamp x\nnights: 20241205", "not YAML: "),
        (
            "target: Crab\nnights: [1, 2",
            "not YAML: expected ',' or ']', but got '<stream end>' (line",
        ),
        ("[" * 5000, "not YAML: nested too deeply"),
    ],
)
def test_an_error_is_one_line_that_names_file_field_and_fault(ask, tmp_path, text, words):
    with pytest.raises(FoaError) as error:
        ask(text)
    assert str(error.value).startswith(f"{tmp_path}/request.yaml: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"target: N\xfa\xf1ez")
    with pytest.raises(FoaError, match=r"latin\.yaml: not YAML: byte 9 is not UTF-8"):
        read_yaml(tmp_path / "latin.yaml")


def test_a_value_that_is_huge_is_not_spelled_out(tmp_path, ask):
    bomb = "\n".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'])}]" for n in range(9)
    )
    with pytest.raises(FoaError) as error:
        ask(f"{bomb}\ntarget: *a8\nnights: *a8\n")
    assert len(str(error.value)) < 2000


def test_a_target_may_be_a_position(ask):
    target = ask('target: "05h34m31.94s +22d00m52.2s"\nnights: 20241205').target
    assert (target.ra, target.dec) == pytest.approx((83.63308, 22.0145))


def test_a_missing_file_is_named(site, tmp_path):
    with pytest.raises(FoaError, match=r"none\.yaml: No such file"):
        read_request(tmp_path / "none.yaml", site)


def test_an_unknown_field_of_a_site_is_named(tmp_path, repository):
    path = tmp_path / "site.yaml"
    path.write_text((repository / "deploy/sites/demo.yaml").read_text() + "quee: long\n")
    with pytest.raises(FoaError, match="quee"):
        read_site(path)


def test_every_listed_target_is_found_by_its_name():
    assert read_target("MRK 421").dec == pytest.approx(38.2088)
    assert read_target("mrk421") == read_target("Mrk 421")


def test_a_profile_may_be_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nversion: 2\nirf: {gh_efficiency: 0.9}")
    assert read_profile("mine.yaml", tmp_path).irf.gh_efficiency == 0.9


def test_a_document_that_is_no_mapping_or_unreadable_is_named(tmp_path):
    path = tmp_path / "site.yaml"
    for text, what in (("- a", "not a mapping"), ("a: [", "not YAML")):
        path.write_text(text)
        with pytest.raises(FoaError, match=what):
            read_yaml(path)
