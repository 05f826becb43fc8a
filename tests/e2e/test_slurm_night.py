"""The same request through a real SLURM: the same findings as on the local executor."""

import os

import pytest
import yaml
from foa.testing.stack.slurm import PACKAGES, Slurm, missing_programs


@pytest.fixture(scope="module")
def slurm(repository, tmp_path_factory):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    assert not missing_programs(), f"{missing_programs()} are missing: apt-get install {PACKAGES}"
    server = Slurm(tmp_path_factory.mktemp("slurm"), repository / "deploy/slurm", base_port=48800, n_nodes=2, cpus=1)
    os.environ |= server.environment
    server.start()
    yield server
    server.stop()


def test_the_empty_field_through_slurm(hire, slurm, told):
    operator = hire("slurm")
    site = yaml.safe_load(operator.site.read_text()) | {"execution": {"kind": "slurm", "account": "foa"}}
    operator.site.write_text(yaml.safe_dump(site))
    through = operator.run("too")["too"]
    assert through["content"]["findings"]["all"] == told["too"]["content"]["findings"]["all"]
    jobs = slurm.command("sacct", "-nXP", "--format=JobName,Account").split()
    assert len(jobs) == len(operator.attempts())
    assert {tuple(job.split("|")[1:]) for job in jobs} == {("foa",)}
