"""Documents of the interfaces are current: deploy/schemas is generated from the models."""

import json

import pytest

from foa.bus.rabbitmq.asyncapi import describe
from foa.intake.request_files import RequestFile
from foa.pipeline import installed_services
from foa.site import Site
from foa_analyzer.results import Results
from foa_stage.manifests import KINDS, Profile
from foa_stage.tree import Report

DOCUMENTS = KINDS | {
    "request-file": RequestFile,
    "site": Site,
    "profile": Profile,
    "report": Report,
    "results": Results,
}


def spell(content):
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_in_the_repository_is_that_of_the_model(repository, golden, name):
    schema = DOCUMENTS[name].model_json_schema()
    golden(repository / f"deploy/schemas/{name}.json", spell(schema))


def test_no_schema_is_left_over(repository):
    there = {path.stem for path in (repository / "deploy/schemas").glob("*.json")}
    assert there == {"asyncapi", *DOCUMENTS}


def test_the_asyncapi_document_is_that_of_the_services(repository, golden):
    services = installed_services()
    document = describe({one.name: (one.heard_kinds, one.said_kinds) for one in services})
    golden(repository / "deploy/schemas/asyncapi.json", spell(document))


def test_significances_stand_under_a_key_of_that_name():
    schema = Results.model_json_schema()
    assert "sqrt_ts" not in json.dumps(schema)
    for model in ("Counts", "SkyMap", "FluxPoint", "LightCurvePoint"):
        assert "significance" in schema["$defs"][model]["properties"]
