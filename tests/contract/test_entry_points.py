"""Every service announces itself, consumes kinds that somebody announces, and has a site's resources."""

import importlib.metadata
from typing import get_args

import pytest
from foa.manifests import Manifest
from foa.service.embedded import installed_services
from foa.site import read_site

NAMES = {"selector", "dl2-converter", "irf-builder", "dl3-maker", "analyzer"}
KINDS = {model.model_fields["kind"].default for model in get_args(Manifest)}


def test_all_five_services_are_installed_under_their_own_names():
    entries = importlib.metadata.entry_points(group="foa.services")
    assert {entry.name for entry in entries} == NAMES
    assert {service.name for service in installed_services()} == NAMES


def test_services_consume_known_kinds():
    consumed = {kind for service in installed_services() for kind in service.consumes}
    assert consumed <= KINDS


def test_every_kind_is_announced_by_a_service_but_the_request_itself():
    announced = {kind for service in installed_services() for kind in service.announces}
    assert announced == KINDS - {"request.submitted"}


@pytest.mark.parametrize("site", ["demo", "lst-it"])
def test_a_site_gives_every_service_its_resources(repository, site):
    assert set(read_site(repository / f"deploy/sites/{site}.yaml").resources) == NAMES
