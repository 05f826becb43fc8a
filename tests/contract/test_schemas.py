"""The documents of the interfaces are current: JSON Schemas in deploy/schemas are generated from the models."""

import json

import pytest
from foa.bus.asyncapi import describe
from foa.cli.asking import Asked
from foa.manifests import (
    AnalysisReady,
    Dl2Ready,
    Dl3Ready,
    IrfReady,
    Profile,
    RequestFailed,
    RequestSubmitted,
    RunFailed,
    RunSelected,
)
from foa.service.embedded import installed_services
from foa.site import Site
from foa.tree import Report
from foa_analyzer.results import Results

MANIFESTS = [RequestSubmitted, RequestFailed, RunSelected, Dl2Ready, IrfReady, Dl3Ready, RunFailed, AnalysisReady]
DOCUMENTS = {model.model_fields["kind"].default: model for model in MANIFESTS} | {
    "request-file": Asked, "site": Site, "profile": Profile, "report": Report, "results": Results,
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_in_the_repository_is_that_of_the_model(repository, golden, name):
    schema = DOCUMENTS[name].model_json_schema()
    golden(repository / f"deploy/schemas/{name}.json", json.dumps(schema, indent=1, sort_keys=True) + "\n")


def test_no_schema_is_left_over(repository):
    assert {path.stem for path in (repository / "deploy/schemas").glob("*.json")} == {"asyncapi", *DOCUMENTS}


def test_the_asyncapi_document_is_that_of_the_services(repository, golden):
    document = describe({service.name: (service.consumes, service.announces) for service in installed_services()})
    golden(repository / "deploy/schemas/asyncapi.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_significances_stand_under_a_key_of_that_name():
    schema = json.dumps(Results.model_json_schema())
    assert "sqrt_ts" not in schema
    for model in ("Counts", "SkyMap", "FluxPoint", "LightCurvePoint"):
        assert "significance" in Results.model_json_schema()["$defs"][model]["properties"]
