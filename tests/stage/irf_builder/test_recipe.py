"""The key of a node's IRF follows from everything that determines it."""

import pytest

from foa_irf_builder.plan import IrfRequest
from foa_irf_builder.recipe import Recipe
from foa_stage.archive import stamp
from foa_stage.manifests import TestNode
from foa_stage.manifests.profile import Irf


@pytest.fixture
def node(tmp_path):
    path = tmp_path / "dl2.h5"
    path.write_text("events")
    return TestNode(name="node", dl2=stamp(path))


@pytest.fixture
def request_of(node):
    def make(**changes):
        fields = {"nodes": (node,), "irf": Irf(), "min_intensity_pe": 50}
        return IrfRequest(**(fields | changes))

    return make


@pytest.fixture
def recipe(request_of):
    return Recipe.of(request_of())


def test_a_recipe_holds_configuration_flags_versions_and_sources(recipe):
    assert recipe.config.keys() == {"EventSelector", "DL3Cuts", "DataBinning"}
    assert "--point-like" in recipe.flags
    assert recipe.versions.keys() == {"lstchain", "pyirf", "ctapipe"}
    assert recipe.sources.keys() >= {"plan.py", "recipe.py", "stage.py"}


def test_the_same_recipe_and_file_have_the_same_key(recipe, request_of, node):
    other_set = request_of(nodes=(node, node))
    assert recipe.key(node) == Recipe.of(other_set).key(node)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {}},
        {"flags": ("--point-like",)},
        {"versions": {"lstchain": "0.12.4"}},
        {"sources": {"stage.py": "0"}},
    ],
)
def test_any_other_part_of_the_recipe_is_another_key(recipe, node, change):
    assert recipe.model_copy(update=change).key(node) != recipe.key(node)


@pytest.mark.parametrize(
    "change",
    [
        {"min_intensity_pe": 80},
        {"irf": Irf(gh_efficiency=0.9)},
        {"irf": Irf(theta_containment=0.9)},
        {"irf": Irf(min_events_per_energy_bin=10)},
        {"irf": Irf(max_gh_cut=0.9)},
        {"irf": Irf(theta_range_deg=(0.1, 0.2))},
        {"irf": Irf(energy_range_tev=(0.01, 100))},
        {"irf": Irf(n_energy_bins=20)},
    ],
)
def test_any_other_setting_of_the_profile_is_another_key(recipe, request_of, node, change):
    assert Recipe.of(request_of(**change)).key(node) != recipe.key(node)


def test_a_changed_file_is_another_key(recipe, node):
    before = recipe.key(node)
    node.dl2.path.write_text("more events")
    assert recipe.key(TestNode(name="node", dl2=stamp(node.dl2.path))) != before
