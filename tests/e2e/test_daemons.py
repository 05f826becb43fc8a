"""The night through daemons over RabbitMQ, with jobs in SLURM, watched by Prometheus.

The results are those of one process, product by product.
"""

import json
import subprocess
import time

import pytest

from foa.pipeline.progress import progress_of
from foa_stage.tree import RunTree
from foa_testing.fakes.stub_site import start_daemons
from foa_testing.stack.processes import wait_until

REQUESTS = ("crab", "too")
N_DAEMONS = 6
RANGES = {"$__rate_interval": "1m", "$__range": "1h", "$request": ".+"}


@pytest.fixture(scope="module")
def sent(stack, hire):
    """The night's requests, through daemons, two replicas of dl2-converter among them."""
    operator = hire("daemons")
    stack.write_site(operator.site, operator.site.parent)
    daemons = stack.daemons(operator.site)
    start_daemons(daemons)
    daemons.start("dl2-converter-2", "dl2-converter")
    # what happens before the first scrape is no increase to Prometheus
    wait_until(
        lambda: len(stack.prometheus.query("foa_turn_timestamp_seconds")) == N_DAEMONS,
        "a scrape of all daemons",
    )
    request_ids = operator.type("submit", *map(operator.request, REQUESTS)).stdout.split()
    deadline = time.monotonic() + 600
    while not all(
        progress_of(RunTree(operator.tree), request_id).finished for request_id in request_ids
    ):
        assert time.monotonic() < deadline, operator.type("list").stdout
        time.sleep(1)
    yield operator, dict(zip(REQUESTS, request_ids, strict=True))
    daemons.stop_all()


@pytest.mark.parametrize("name", REQUESTS)
def test_the_findings_are_those_of_one_process(sent, told, same, name):
    operator, request_ids = sent
    shown = json.loads(operator.type("show", request_ids[name], "--json").stdout)
    same(shown["results"]["findings"], told[name]["content"]["findings"])
    assert shown["results"]["failed_runs"] == told[name]["content"]["failed_runs"]
    assert [run["grade"] for run in shown["runs"]] == [run["grade"] for run in told[name]["runs"]]


def test_every_product_says_the_same_byte_by_byte(sent, told, operator, repository):
    def payload(tree):
        python = repository / "build/envs/dl2-converter/bin/python"
        command = [python, repository / "tests/e2e/payload.py", tree]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    of_daemons, of_one_process = payload(sent[0].tree), payload(operator.tree)
    assert len(of_one_process) > 20
    assert of_daemons == of_one_process


def test_no_job_was_submitted_twice(sent, stack):
    operator, _ = sent
    names_only = ("--starttime=now-1day", "--format=JobName%100")
    rows = stack.slurm.command("sacct", "-nXPD", *names_only).split()
    names = sorted(row for row in rows if row.startswith("foa-"))
    assert names == sorted(
        "foa-{}-{}-1".format(*attempt.split("/")[1:3]) for attempt in operator.attempts()
    )


def panels(repository):
    for path in sorted((repository / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}: {target['expr']}", target["expr"]


def test_every_panel_of_every_dashboard_shows_data(sent, stack, repository):
    empty = []
    for name, expression in panels(repository):
        for variable, value in RANGES.items():
            expression = expression.replace(variable, value)
        values = [sample["value"][1] for sample in stack.prometheus.query(expression)]
        if not values or all(value == "NaN" for value in values):
            empty.append(name)
    assert not empty, "\n".join(empty)


def test_the_latencies_that_matter_to_science_are_measured(sent, stack):
    for phase in ("first-look", "final"):
        seen = f'sum(foa_results_seconds_count{{phase="{phase}"}}) == 2'
        wait_until(
            lambda seen=seen: stack.prometheus.query(seen), f"{phase} of two requests at Prometheus"
        )
    (memory,) = stack.prometheus.query('sum(foa_job_memory_used_mib_sum{service="dl2-converter"})')
    assert float(memory["value"][1]) > 1000
