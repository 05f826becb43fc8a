"""The dashboards in the repository are those of the code."""

import runpy

import pytest


@pytest.mark.parametrize("name", ["foa-overview", "foa-services", "foa-infrastructure"])
def test_the_dashboard_in_the_repository_is_current(repository, golden, tmp_path, name):
    runpy.run_path(str(repository / "deploy/grafana/dashboards.py"))["write"](tmp_path)
    golden(
        repository / f"deploy/grafana/dashboards/{name}.json",
        (tmp_path / f"{name}.json").read_text(),
    )
