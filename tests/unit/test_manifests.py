"""Manifests are frozen, versioned, strict, and the same content has the same name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from foa_stage.manifests import Interval, ManifestRejected, digest, read_manifest, write_manifest
from foa_testing.fakes import factories

EVERY_KIND = [
    factories.request_submitted(),
    factories.run_selected(),
    factories.dl2_ready(),
    factories.irf_ready(),
    factories.dl3_ready(),
    factories.run_failed(),
]


@pytest.mark.parametrize("manifest", EVERY_KIND, ids=lambda m: m.kind)
def test_every_manifest_survives_the_wire(manifest):
    assert read_manifest(write_manifest(manifest)) == manifest


@pytest.mark.parametrize("manifest", EVERY_KIND, ids=lambda m: m.kind)
def test_same_content_has_same_id(manifest):
    assert read_manifest(write_manifest(manifest)).id == manifest.id


def test_other_content_has_other_id():
    assert factories.run_selected(obs_id=1).id != factories.run_selected(obs_id=2).id


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"schema_version": 4}, "schema_version"),
        ({"kind": "dl9.ready"}, "dl9.ready"),
        ({"surprise": 1}, "surprise"),
        ({"inputs": None}, "inputs"),
    ],
)
def test_a_manifest_from_elsewhere_is_rejected_naming_the_fault(change, what):
    content = json.loads(write_manifest(factories.request_submitted())) | change
    with pytest.raises(ManifestRejected, match=what):
        read_manifest(json.dumps(content).encode())


def test_what_is_not_json_is_rejected():
    with pytest.raises(ManifestRejected):
        read_manifest(b"\x80pickle")


def test_a_manifest_cannot_be_changed():
    with pytest.raises(ValidationError):
        factories.run_selected().obs_id = 3


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_digest_does_not_depend_on_order(content):
    assert digest(content) == digest(dict(reversed(content.items())))


def test_a_reason_of_any_length_makes_a_small_manifest_that_stays_as_it_is():
    long = factories.run_failed().model_copy(update={"reason": "begin" + "x" * 2_000_000 + "end"})
    failed = read_manifest(write_manifest(long))
    assert len(write_manifest(failed)) < 100_000
    assert failed.reason.startswith("begin")
    assert failed.reason.endswith("end")
    assert "characters left out" in failed.reason
    assert read_manifest(write_manifest(failed)) == failed


def test_request_id_is_readable_and_follows_content():
    request = factories.make_request()
    assert request.id.startswith("crab-20241205-")
    assert request.id != request.model_copy(update={"obs_ids": (1,)}).id


def test_an_interval_is_open_and_ordered():
    interval = Interval(low=0.35, high=0.45)
    assert 0.40 in interval
    assert 0.35 not in interval
    assert float("nan") not in interval
    with pytest.raises(ValidationError, match="not below"):
        Interval(low=2, high=1)
