"""IRFs of MC nodes are made once each, from test MC that is readable."""

import json
import shutil

import numpy as np
import pytest
from astropy.io import fits

from foa_irf_builder.plan import IrfRequest
from foa_irf_builder.stage import STAGE
from foa_stage.archive import stamp
from foa_stage.jobs import ExitCode, Resources
from foa_stage.manifests import TestNode, canonical_json, digest
from foa_stage.manifests.profile import Irf
from foa_stage.runner import run_stage
from foa_stage.tree import Attempt, RunTree, sha256_of


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path / "tree")


@pytest.fixture
def build(tree):
    """Let the stage make IRFs; return its exit code and report."""

    def run(*nodes, irf=None, min_intensity_pe=50, cores=1, tree=tree):
        settings = irf or Irf()
        request = IrfRequest(nodes=nodes, irf=settings, min_intensity_pe=min_intensity_pe)
        work = tree.work("irf-builder", digest(request))
        work.directory.mkdir(parents=True, exist_ok=True)
        work.request.write_bytes(canonical_json(request))
        Attempt(work, 1).begin(Resources(cores=cores, memory_mib=8000, time_limit_s=600))
        return run_stage(STAGE, work.request), work.last_report()

    return run


@pytest.fixture
def damaged(nodes, tmp_path):
    """A copy of a node's DL2 file with something done to it."""

    def make(damage):
        path = tmp_path / "dl2_damaged.h5"
        shutil.copy(nodes[0].dl2.path, path)
        damage(path)
        return TestNode(name=nodes[0].name, dl2=stamp(path))

    return make


def test_every_node_gets_a_point_like_irf_with_energy_dependent_cuts(build, nodes):
    code, report = build(*nodes[:2])
    assert code == ExitCode.DONE
    assert report.facts == {"built": 2, "nodes": 2}
    assert [product.role for product in report.products] == [node.name for node in nodes[:2]]
    assert not report.missing()
    assert not report.corrupt()
    with fits.open(report.products[0].path) as hdus:
        hdus.verify("exception")
        names = {hdu.name for hdu in hdus}
        area = hdus["EFFECTIVE AREA"]
        assert names >= {"EFFECTIVE AREA", "ENERGY DISPERSION", "GH_CUTS", "RAD_MAX"}
        assert area.header["HDUCLAS3"] == "POINT-LIKE"
        assert area.data["ENERG_LO"].shape[-1] == Irf().n_energy_bins
        assert np.max(area.data["EFFAREA"]) > 1e4  # m²


def tables_of(product):
    """The names and data of all tables in a file."""
    with fits.open(product.path) as hdus:
        return [(hdu.name, hdu.data.tobytes()) for hdu in hdus[1:]]


def test_nodes_made_side_by_side_are_those_made_one_by_one(build, nodes, tmp_path):
    _, single = build(*nodes)
    code, parallel = build(*nodes, cores=2, tree=RunTree(tmp_path / "other"))
    assert code == ExitCode.DONE
    assert parallel.facts == single.facts
    assert [product.role for product in parallel.products] == [node.name for node in nodes]
    for one, other in zip(single.products, parallel.products, strict=True):
        assert tables_of(one) == tables_of(other)


def test_nodes_in_several_sets_are_made_once(build, nodes):
    _, first = build(nodes[0])
    made = first.products[0].path.stat()
    code, both = build(*nodes[:2])
    assert code == ExitCode.DONE
    assert both.facts == {"built": 1, "nodes": 2}
    assert both.products[0] == first.products[0]
    assert both.products[0].path.stat().st_mtime_ns == made.st_mtime_ns


def test_a_deleted_irf_is_made_again(build, nodes):
    _, first = build(nodes[0])
    first.products[0].path.unlink()
    _, again = build(nodes[0])
    assert again.facts == {"built": 1, "nodes": 1}
    assert again.products[0].path == first.products[0].path
    assert not again.missing()


@pytest.mark.parametrize("settings", [{"irf": Irf(gh_efficiency=0.9)}, {"min_intensity_pe": 200.0}])
def test_other_settings_make_another_irf_of_the_same_node(build, nodes, settings):
    _, usual = build(nodes[0])
    _, other = build(nodes[0], **settings)
    assert other.facts == {"built": 1, "nodes": 1}
    assert other.products[0].path != usual.products[0].path
    assert usual.products[0].sha256 == sha256_of(usual.products[0].path)
    areas = [
        fits.getdata(one.products[0].path, "EFFECTIVE AREA")["EFFAREA"] for one in (usual, other)
    ]
    assert not np.array_equal(*areas)


def test_the_report_names_the_software_that_made_the_irfs(build, nodes):
    _, report = build(nodes[0])
    assert report.versions.keys() >= {"foa-stage", "lstchain", "pyirf", "ctapipe", "numpy"}


def test_the_configuration_of_the_tool_is_kept(build, nodes, tree):
    build(nodes[0], min_intensity_pe=80)
    [path] = tree.root.glob("work/irf-builder/*/products/irf.json")
    config = json.loads(path.read_text())
    assert config["EventSelector"]["filters"]["intensity"] == [80, float("inf")]
    assert config["DL3Cuts"]["gh_efficiency"] == Irf().gh_efficiency


def test_a_missing_file_is_bad_input(build, nodes, tmp_path):
    missing = nodes[0].dl2.model_copy(update={"path": tmp_path / "dl2_missing.h5"})
    code, report = build(TestNode(name="node", dl2=missing))
    assert code == ExitCode.BAD_INPUT
    assert "dl2_missing.h5: no IRF can be made of it" in report.reason


def test_a_file_that_is_no_hdf5_is_bad_input(build, damaged):
    code, report = build(damaged(lambda path: path.write_text("nonsense")))
    assert code == ExitCode.BAD_INPUT
    assert "dl2_damaged.h5: no IRF can be made of it" in report.reason


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_file_is_bad_input(build, damaged, share):
    def truncate(path):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    code, report = build(damaged(truncate))
    assert code == ExitCode.BAD_INPUT
    assert "dl2_damaged.h5: no IRF can be made of it" in report.reason


def test_a_file_without_events_that_pass_is_bad_input(build, nodes):
    code, report = build(nodes[0], min_intensity_pe=1e9)
    assert code == ExitCode.BAD_INPUT
    assert nodes[0].dl2.path.name in report.reason


@pytest.mark.parametrize("cores", [1, 2])
def test_irfs_of_other_nodes_are_kept_when_one_fails(build, nodes, damaged, cores, capfd):
    bad = damaged(lambda path: path.write_text("nonsense"))
    code, report = build(nodes[1], bad, cores=cores)
    assert code == ExitCode.BAD_INPUT
    assert report.reason.startswith(f"{bad.dl2.path}: no IRF can be made of it")
    assert "Traceback" not in capfd.readouterr().err
    _, report = build(nodes[1])
    assert report.facts == {"built": 0, "nodes": 1}
