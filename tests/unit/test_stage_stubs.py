"""The stages without physics report what the plans of their services need."""

import json
import subprocess
import sys

import pytest

import foa_dl2_converter.plan
import foa_dl2_converter.stub
import foa_dl3_maker.plan
import foa_dl3_maker.stub
import foa_irf_builder.plan
import foa_irf_builder.stub
import foa_selector.plan
import foa_selector.stub
from foa_dl2_converter.plan import Dl2Request
from foa_dl3_maker.plan import Dl3Request
from foa_irf_builder.plan import IrfRequest
from foa_selector.plan import SelectionRequest
from foa_stage.manifests import Dl2Ready, Dl3Ready, IrfReady, RunSelected
from foa_stage.manifests.profile import Dl3, Irf
from foa_stage.tree import Report, product_of
from foa_testing.fakes import factories

RUN = factories.make_run()
ANALYSIS = factories.make_request().model_copy(update={"obs_ids": (1, 2)})
PRODUCTS = {"dl2": factories.make_product("dl2"), "irfs": (factories.make_product("node_a"),)}
REQUESTS = {
    foa_selector: SelectionRequest(request=ANALYSIS, inputs="0"),
    foa_dl2_converter: Dl2Request(dl1=RUN.dl1, models=RUN.models),
    foa_irf_builder: IrfRequest(nodes=RUN.nodes, irf=Irf(), min_intensity_pe=50),
    foa_dl3_maker: Dl3Request(obs_id=1, target=factories.CRAB, dl3=Dl3(), **PRODUCTS),
}
SETTINGS = {"run": RUN.model_dump(mode="json"), "fates": {"2": "bad"}}
TOLD = {
    foa_selector: factories.request_submitted(),
    foa_dl2_converter: factories.run_selected(),
    foa_irf_builder: factories.run_selected(),
    foa_dl3_maker: factories.dl2_ready(),
}
PACKAGES = pytest.mark.parametrize("package", REQUESTS, ids=lambda package: package.__name__)


def stub_report(package):
    return package.stub.report(REQUESTS[package].model_dump(mode="json"), SETTINGS)


def announce(package, directory):
    """What the plan announces after the stub, whose products are written to a directory."""
    facts, products = stub_report(package)
    for role, content in products.items():
        (directory / role).write_text(content)
    made = tuple(product_of(role, directory / role) for role in products)
    report = Report(outcome="done", exit_code=0, products=made, facts=facts)
    return package.plan.announce(TOLD[package], report)


def test_the_selectors_stub_selects_the_runs_of_the_request(tmp_path):
    announced = announce(foa_selector, tmp_path)
    assert [type(one) for one in announced] == [RunSelected, RunSelected]
    assert [one.run.obs_id for one in announced] == [1, 2]
    names = [one.run.dl1.path.name for one in announced]
    assert names == ["dl1_Crab_1_fine.h5", "dl1_Crab_2_bad.h5"]


def test_the_dl2_converters_stub_makes_a_dl2_file(tmp_path):
    (dl2,) = announce(foa_dl2_converter, tmp_path)
    assert isinstance(dl2, Dl2Ready)
    assert (dl2.effective_s, dl2.elapsed_s) == (1000, 1100)
    made_of = json.loads(dl2.dl2.path.read_text())["made_of"]
    assert made_of["dl1"]["path"] == str(RUN.dl1.path)


def test_the_irf_builders_stub_makes_an_irf(tmp_path):
    (irf,) = announce(foa_irf_builder, tmp_path)
    assert isinstance(irf, IrfReady)
    assert [product.role for product in irf.irfs] == ["irf"]


def test_the_dl3_makers_stub_makes_a_dl3_file_of_dl2_and_irfs(tmp_path):
    (dl3,) = announce(foa_dl3_maker, tmp_path)
    assert isinstance(dl3, Dl3Ready)
    assert dl3.irf_choice == "nearest"
    assert dl3.made_of == (PRODUCTS["dl2"].sha256, PRODUCTS["irfs"][0].sha256)


@PACKAGES
def test_a_stub_needs_the_standard_library_only(package):
    code = "import runpy, json, sys; report = runpy.run_path(sys.argv[1])['report']\n"
    code += "print(json.dumps(report(*map(json.loads, sys.argv[2:]))))"
    request = json.dumps(REQUESTS[package].model_dump(mode="json"))
    words = [package.stub.__file__, request, json.dumps(SETTINGS)]
    command = [sys.executable, "-IS", "-c", code, *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == list(stub_report(package))
