"""The Grafana dashboards: `python deploy/grafana/dashboards.py DIRECTORY` writes their JSON."""

import sys
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SERVICES = ("selector", "dl2-converter", "irf-builder", "dl3-maker", "analyzer")
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHT, WIDTH = 8, 24
Panel = timeseries.Panel | stat.Panel | table.Panel | bargauge.Panel


def query(expression: str, legend: str = "") -> Dataquery:
    """What a panel asks Prometheus."""
    return Dataquery().expr(expression).legend_format(legend).ref_id("A")


def graph(title: str, meaning: str, unit: str, *queries: Dataquery, share: int = 3) -> timeseries.Panel:
    """Curves over time, so wide that `share` of them stand in a line."""
    panel = timeseries.Panel().title(title).description(meaning).unit(unit).min(0)
    panel = panel.datasource(SOURCE).height(HEIGHT).span(WIDTH // share)
    for number, one in enumerate(queries):
        panel = panel.with_target(one.ref_id(chr(ord("A") + number)))
    return panel


def number(title: str, meaning: str, unit: str, expression: str, legend: str = "", share: int = 4) -> stat.Panel:
    """Numbers of this moment."""
    panel = stat.Panel().title(title).description(meaning).unit(unit).datasource(SOURCE)
    return panel.height(HEIGHT // 2).span(WIDTH // share).with_target(query(expression, legend).instant())


def quantiles(metric: str, by: str, where: str = "") -> str:
    """The time within which nine of ten were done."""
    return f"histogram_quantile(0.9, sum by (le, {by}) (increase({metric}_bucket{where}[$__range])))"


def overview() -> Dashboard:
    """For shifters: is my source through, and if not, where is it?"""
    phases = table.Panel().title("Requests").description("The newest requests and the phase each is in").span(12)
    rows = query("max by (request, phase) (foa_request_phase)").instant().format(PromQueryFormat.TABLE)
    runs = bargauge.Panel().title("Runs of $request, stage by stage").description("How many runs are where").span(12)
    where = query('max by (stage, state) (foa_request_runs{request=~"$request"})', "{{stage}}: {{state}}").instant()
    variable = QueryVariable("request").datasource(SOURCE).query("label_values(foa_request_phase, request)")
    variable = variable.include_all(True).all_value(".+").multi(True)
    return (
        new("foa-overview", "FOA: is my source through?").with_variable(variable)
        .with_panel(phases.datasource(SOURCE).height(HEIGHT).with_target(rows))
        .with_panel(runs.datasource(SOURCE).height(HEIGHT).with_target(where))
        .with_panel(number("Oldest unfinished request", "Since it was submitted", "s",
                           "max(foa_request_unfinished_seconds) or vector(0)"))
        .with_panel(number("Runs failed", "They say why: `foa why REQUEST`", "none",
                           'sum(max by (request) (foa_request_runs{stage="dl3-maker",state="failed"})) or vector(0)'))
        .with_panel(number("Daemons", "That answer", "none", 'sum(up{job="foa"})'))
        .with_panel(number("Alerts", "Firing now; each has a heading in the runbook", "none",
                           'count(ALERTS{alertstate="firing",severity="page"}) or vector(0)'))
        .with_panel(graph("DL1 ready → results", "90 % came within this time", "s",
                          query(quantiles("foa_results_seconds", "phase"), "{{phase}}"), share=2))
        .with_panel(graph("Jobs under way", "By service and state", "none",
                          query("sum by (service, state) (foa_jobs)", "{{service}} {{state}}"), share=2))
    )  # fmt: skip


def services() -> Dashboard:
    """A row for each service: where its time goes, what becomes of its work."""
    board = new("foa-services", "FOA: the services")
    for service in SERVICES:
        board = board.with_row(Row(service))
        for panel in panels_of(f'{{service="{service}"}}'):
            board = board.with_panel(panel)
    return board


def panels_of(where: str) -> list[Panel]:
    """The panels of one service."""
    times = {
        "in the queue": "foa_message_waiting_seconds", "in SLURM": "foa_job_waiting_seconds",
        "running": "foa_job_running_seconds", "unnoticed": "foa_job_noticing_seconds",
    }  # fmt: skip
    memory = {"asked": "foa_job_memory_asked_mib", "used": "foa_job_memory_used_mib"}
    return [
        graph("Where the time goes", "90 % took less", "s",
              *(query(quantiles(metric, "service", where), name) for name, metric in times.items())),
        graph("Jobs under way", "By state", "none", query(f"sum by (state) (foa_jobs{where})", "{{state}}")),
        graph("Jobs ended", "In the shown time, by how they ended", "none",
              query(f"sum by (state) (increase(foa_jobs_ended_total{where}[$__range]))", "{{state}}")),
        graph("Manifests", "What was planned for them", "none",
              query(f"sum by (outcome) (increase(foa_manifests_planned_total{where}[$__range]))", "{{outcome}}")),
        graph("Manifests that lie", "Unanswered: work has not ended. Unsent: the broker has not taken them", "none",
              *(query(f"max(foa_manifests_{what}{where})", what) for what in ("unanswered", "unsent"))),
        graph("Memory", "90 % of the jobs asked for less, used less", "mbytes",
              *(query(quantiles(metric, "service", where), name) for name, metric in memory.items())),
    ]  # fmt: skip


def infrastructure() -> Dashboard:
    """SLURM and the broker, as the services see them."""
    parked = 'sum by (queue) (rabbitmq_queue_messages_ready{queue=~"foa\\\\..+\\\\.parked"})'
    slurm = [
        graph("Commands", "Given to SLURM, by what it answered", "ops",
              query("sum by (command, outcome) (rate(foa_scheduler_commands_total[$__rate_interval]))",
                    "{{command}} {{outcome}}")),
        graph("Answers", "90 % came within", "s",
              query(quantiles("foa_scheduler_command_seconds", "command"), "{{command}}")),
        graph("Jobs", "Of all services", "none", query("sum by (state) (foa_jobs)", "{{state}}")),
    ]  # fmt: skip
    broker = [
        graph("Connected", "1: the daemon reaches the broker", "none", query("foa_broker_connected", "{{daemon}}")),
        graph("Messages waiting", "In the services' queues", "none",
              query('sum by (queue) (rabbitmq_queue_messages_ready{queue=~"foa\\\\.[a-z0-9-]+"})', "{{queue}}")),
        graph("Messages parked", "Somebody must look at them: `foa dlq`", "none", query(parked, "{{queue}}")),
        graph("Messages handled", "By what became of them", "ops",
              query("sum by (outcome) (rate(foa_messages_total[$__rate_interval]))", "{{outcome}}")),
        graph("Broker's memory", "Of the limit at which it blocks publishers", "percentunit",
              query("rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes", "used")),
        graph("Disk", "Left for the broker and for the run tree", "bytes",
              query("rabbitmq_disk_space_available_bytes", "broker"), query("min(foa_tree_free_bytes)", "run tree")),
    ]  # fmt: skip
    board = new("foa-infrastructure", "FOA: SLURM and broker")
    for title, panels in (("SLURM", slurm), ("Broker", broker)):
        board = board.with_row(Row(title))
        for panel in panels:
            board = board.with_panel(panel)
    return board


def new(uid: str, title: str) -> Dashboard:
    """An empty dashboard."""
    return Dashboard(title).uid(uid).tags(["foa"]).refresh("10s").time("now-12h", "now").timezone("utc").readonly()


def write(directory: Path) -> None:
    """Write the JSON of every dashboard."""
    for dashboard in (overview(), services(), infrastructure()):
        built = dashboard.build()
        text = JSONEncoder(sort_keys=True, indent=1).encode(built)
        (directory / f"{built.uid}.json").write_text(text + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
