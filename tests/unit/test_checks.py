"""A check says whether everything a site needs is there, and why not."""

import json
import re
import socket
import threading
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from foa.bus.rabbitmq.address import Broker
from foa.cli.__main__ import make_app
from foa.cli.checks import check_site
from foa.pipeline import job_services
from foa.retention import Retention
from foa.site import Site, read_site
from foa_stage.tree import write_atomic
from foa_testing.fakes import factories, stub_site


@pytest.fixture
def make_site(tmp_path):
    def make(**changes):
        settings = {
            "name": "here",
            "tree": tmp_path / "tree",
            "environments": tmp_path,
            "archive": factories.make_archive(tmp_path / "archive"),
            "retention": Retention(min_free_gib=0),
        }
        return Site(**settings | changes)

    return make


def check_of(site, what):
    return next((check for check in check_site(site) if check.what == what), None)


def test_a_tree_whose_file_system_is_not_mounted_is_said_to_be_so(make_site, tmp_path):
    site = make_site(mount_point=tmp_path)
    assert check_of(site, "run tree").detail == (
        f"{tmp_path}/tree: not mounted: no file system at {tmp_path}"
    )
    assert not check_of(site, "run tree").ok
    assert check_of(site, "free disk") is None


@pytest.mark.parametrize("mount_point", [None, "/"])
def test_a_tree_on_a_file_system_that_is_mounted_is_well(make_site, mount_point):
    site = make_site(mount_point=mount_point)
    assert check_of(site, "run tree").ok
    assert check_of(site, "free disk").ok


def test_a_tree_that_cannot_be_looked_for_is_named(make_site, tmp_path):
    check = check_of(make_site(tree=tmp_path / ("x" * 300) / "tree"), "run tree")
    assert not check.ok
    assert "File name too long" in check.detail


def test_a_disk_with_less_space_than_the_site_wants_is_not_well(make_site):
    check = check_of(make_site(retention=Retention(min_free_gib=1 << 40)), "free disk")
    assert not check.ok
    assert f"at least {1 << 40} wanted" in check.detail


def test_alert_runbook_check_and_sites_state_one_limit_of_free_space(repository):
    limit = Retention().min_free_gib
    rules = yaml.safe_load((repository / "deploy/prometheus/rules.yml").read_text())
    (alert,) = (
        rule
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "FoaDiskFull"
    )
    assert alert["expr"] == f"min(foa_tree_free_bytes) < {limit} * 1024 * 1024 * 1024"
    chapter = (repository / "deploy/docs/runbook.md").read_text().partition("## FoaDiskFull")[2]
    assert re.findall(r"(\d+) GiB", chapter.partition("\n## ")[0]) == [str(limit)]
    assert read_site(repository / "deploy/sites/lst-it.yaml").retention.min_free_gib == limit


@pytest.mark.parametrize("site", ["demo", "lst-it"])
def test_a_shipped_site_drops_products_of_services_only(repository, site):
    retention = read_site(repository / f"deploy/sites/{site}.yaml").retention
    assert retention.products.keys() <= {service.name for service in job_services()}


def test_a_retention_of_a_stage_that_does_not_exist_is_found_out(make_site, tmp_path):
    retention = Retention(products={"dl2-convertor": 30, "irf-node": 30}, min_free_gib=0)
    site = make_site(retention=retention)
    assert check_of(site, "retention").detail.startswith("no stage dl2-convertor, irf-node:")
    (tmp_path / "tree/work/irf-node/key").mkdir(parents=True)
    assert check_of(site, "retention").detail.startswith("no stage dl2-convertor:")
    (tmp_path / "tree/work/dl2-convertor/key").mkdir(parents=True)
    assert check_of(site, "retention") is None


@pytest.fixture
def make_broker(tmp_path):
    (tmp_path / "operator").write_text("password")
    return lambda port: Broker(host="127.0.0.1", port=port, passwords=tmp_path)


def test_a_broker_that_refuses_connections_is_named_with_the_reason(make_site, make_broker):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        check = check_of(make_site(broker=make_broker(unheard.getsockname()[1])), "broker")
    assert not check.ok
    assert "127.0.0.1" in check.detail
    assert "Connection refused" in check.detail


def test_a_broker_that_hangs_up_is_named_with_the_reason(make_site, make_broker):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            connection, _ = server.accept()
            connection.recv(8)
            connection.close()

        other = threading.Thread(target=hang_up)
        other.start()
        check = check_of(make_site(broker=make_broker(server.getsockname()[1])), "broker")
        other.join()
    assert not check.ok
    assert re.search(r"127\.0\.0\.1:\d+: \w+", check.detail)


def test_the_exit_code_tells_whether_all_is_well(tmp_path):
    path = stub_site.change(stub_site.make_local_site(tmp_path), retention={"min_free_gib": 0})

    def check():
        ended = CliRunner().invoke(make_app(), ["check", "--json", "--site", str(path)])
        return ended.exit_code, [row for row in json.loads(ended.stdout) if not row["ok"]]

    code, faulty = check()
    assert code == 1
    assert {row["what"].partition(" ")[0] for row in faulty} == {"archive"}
    for row in faulty:
        template = row["detail"].partition(": ")[2]
        write_atomic(Path(re.sub(r"\{.*?\}|\*", "1", template)), b"")
    assert check() == (0, [])
