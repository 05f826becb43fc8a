"""The Grafana dashboards: `python deploy/grafana/dashboards.py DIRECTORY` writes their JSON."""

import sys
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from foa.pipeline import installed_services, run_services

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHT, WIDTH = 8, 24
Panel = timeseries.Panel | stat.Panel | table.Panel | bargauge.Panel


def query(expression: str, legend: str = "") -> Dataquery:
    """Return what a panel asks Prometheus."""
    return Dataquery().expr(expression).legend_format(legend).ref_id("A")


def graph(
    title: str, meaning: str, unit: str, *queries: Dataquery, share: int = 3
) -> timeseries.Panel:
    """Draw curves over time, so wide that `share` of them stand in a line."""
    panel = timeseries.Panel().title(title).description(meaning).unit(unit).min(0)
    panel = panel.datasource(SOURCE).height(HEIGHT).span(WIDTH // share)
    for number, one in enumerate(queries):
        panel = panel.with_target(one.ref_id(chr(ord("A") + number)))
    return panel


def number(
    title: str, meaning: str, unit: str, expression: str, legend: str = "", share: int = 4
) -> stat.Panel:
    """Show numbers of this moment."""
    panel = stat.Panel().title(title).description(meaning).unit(unit).datasource(SOURCE)
    return (
        panel.height(HEIGHT // 2)
        .span(WIDTH // share)
        .with_target(query(expression, legend).instant())
    )


def quantiles(metric: str, by: str, where: str = "") -> str:
    """Return the time within which nine of ten were done."""
    rate = f"increase({metric}_bucket{where}[$__range])"
    return f"histogram_quantile(0.9, sum by (le, {by}) ({rate}))"


def overview() -> Dashboard:
    """Make the dashboard for shifters: is my source through, and if not, where is it?"""
    variable = QueryVariable("request").datasource(SOURCE)
    variable = variable.query("label_values(foa_request_phase, request)")
    variable = variable.include_all(True).all_value(".+").multi(True)
    board = new("foa-overview", "FOA: is my source through?").with_variable(variable)
    panels = [requests_table(), runs_by_state(), *overview_numbers(), *overview_graphs()]
    return with_panels(board, panels)


def requests_table() -> table.Panel:
    """List the newest requests."""
    panel = table.Panel().title("Requests").span(12).datasource(SOURCE).height(HEIGHT)
    rows = query("max by (request, phase) (foa_request_phase)").instant()
    panel = panel.with_target(rows.format(PromQueryFormat.TABLE))
    return panel.description("The newest requests and the phase each is in")


def runs_by_state() -> bargauge.Panel:
    """Count the runs of the chosen request by stage and state."""
    panel = bargauge.Panel().title("Runs of $request, stage by stage").span(12).datasource(SOURCE)
    runs = 'max by (stage, state) (foa_request_runs{request=~"$request"})'
    panel = panel.height(HEIGHT).description("How many runs are where")
    return panel.with_target(query(runs, "{{stage}}: {{state}}").instant())


def overview_numbers() -> list[Panel]:
    """Show what a shifter looks at first."""
    last_stage = run_services()[-1].name
    failed = f'foa_request_runs{{stage="{last_stage}",state="failed"}}'
    firing = 'ALERTS{alertstate="firing",severity="page"}'
    oldest = "max(foa_request_unfinished_seconds) or vector(0)"
    runs = f"sum(max by (request) ({failed})) or vector(0)"
    alerts = "Firing now; each has a heading in the runbook"
    return [
        number("Oldest unfinished request", "Since it was submitted", "s", oldest),
        number("Runs failed", "They say why: `foa why REQUEST`", "none", runs),
        number("Daemons", "That answer", "none", 'sum(up{job="foa"})'),
        number("Alerts", alerts, "none", f"count({firing}) or vector(0)"),
    ]


def overview_graphs() -> list[Panel]:
    """Show how long results take, and what runs."""
    latency = query(quantiles("foa_results_seconds", "phase"), "{{phase}}")
    jobs = query("sum by (service, state) (foa_jobs)", "{{service}} {{state}}")
    return [
        graph("DL1 ready → results", "90 % came within this time", "s", latency, share=2),
        graph("Jobs under way", "By service and state", "none", jobs, share=2),
    ]


def services() -> Dashboard:
    """Make a row for each service: where its time goes, how its work turns out."""
    board = new("foa-services", "FOA: the services")
    for service in installed_services():
        board = board.with_row(Row(f"{service.name}: {service.title}"))
        board = with_panels(board, panels_of(f'{{service="{service.name}"}}'))
    return board


def panels_of(where: str) -> list[Panel]:
    """Return the panels of one service."""
    lying = "Unanswered: work has not ended. Unsent: the broker has not taken them"
    return [
        graph("Where the time goes", "90 % took less", "s", *all_quantiles(TIMES, where)),
        graph("Jobs under way", "By state", "none", total("foa_jobs", "state", where)),
        graph(
            *("Jobs ended", "In the shown time, by how they ended", "none"),
            total("foa_jobs_ended_total", "state", where, of="increase({}[$__range])"),
        ),
        graph(
            *("Manifests", "What was decided for them", "none"),
            total("foa_manifests_planned_total", "decision", where, of="increase({}[$__range])"),
        ),
        graph("Manifests that lie", lying, "none", *manifests_that_lie(where)),
        graph(
            *("Memory", "90 % of the jobs requested less, used less", "mbytes"),
            *all_quantiles(MEMORY, where),
        ),
    ]


TIMES = {
    "in the queue": "foa_message_waiting_seconds",
    "in SLURM": "foa_job_waiting_seconds",
    "running": "foa_job_running_seconds",
    "unnoticed": "foa_job_noticing_seconds",
}
MEMORY = {"requested": "foa_job_memory_requested_mib", "used": "foa_job_memory_used_mib"}


def all_quantiles(metrics: dict[str, str], where: str) -> list[Dataquery]:
    """Ask for a quantile of each metric."""
    return [query(quantiles(metric, "service", where), name) for name, metric in metrics.items()]


def manifests_that_lie(where: str) -> list[Dataquery]:
    """Ask for manifests without an answer, and for those not sent."""
    kinds = ("unanswered", "unsent")
    return [query(f"max(foa_manifests_{kind}{where})", kind) for kind in kinds]


def total(metric: str, by: str, where: str = "", of: str = "{}") -> Dataquery:
    """Ask for the sums of a metric by its labels, or of a function `of` it."""
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return query(f"sum by ({by}) ({of.format(metric + where)})", legend)


def infrastructure() -> Dashboard:
    """Show SLURM and the broker as the services see them."""
    board = new("foa-infrastructure", "FOA: SLURM and broker")
    board = with_panels(board.with_row(Row("SLURM")), slurm_panels())
    return with_panels(board.with_row(Row("Broker")), broker_panels())


RATE = "rate({}[$__rate_interval])"


def slurm_panels() -> list[Panel]:
    """Return the panels about the scheduler."""
    commands = total("foa_scheduler_commands_total", "command, outcome", of=RATE)
    answers = query(quantiles("foa_scheduler_command_seconds", "command"), "{{command}}")
    return [
        graph("Commands", "Given to SLURM, by what it answered", "ops", commands),
        graph("Answers", "90 % came within", "s", answers),
        graph("Jobs", "Of all services", "none", total("foa_jobs", "state")),
    ]


def broker_panels() -> list[Panel]:
    """Return the panels about the broker."""
    ready = 'sum by (queue) (rabbitmq_queue_messages_ready{{queue=~"foa\\\\.{}"}})'
    memory = "rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes"
    space = query("rabbitmq_disk_space_available_bytes", "broker")
    tree = query("min(foa_tree_free_bytes)", "run tree")
    connected = query("foa_broker_connected", "{{daemon}}")
    waiting = query(ready.format("[a-z0-9-]+"), "{{queue}}")
    parked = query(ready.format(".+\\\\.parked"), "{{queue}}")
    look = "Somebody must look at them: `foa dlq`"
    handled = total("foa_messages_total", "outcome", of=RATE)
    limit = "Of the limit at which it blocks publishers"
    return [
        graph("Connected", "1: the daemon reaches the broker", "none", connected),
        graph("Messages waiting", "In the services' queues", "none", waiting),
        graph("Messages parked", look, "none", parked),
        graph("Messages handled", "By how their handling turned out", "ops", handled),
        graph("Broker's memory", limit, "percentunit", query(memory, "used")),
        graph("Disk", "Left for the broker and for the run tree", "bytes", space, tree),
    ]


def with_panels(board: Dashboard, panels: list[Panel]) -> Dashboard:
    """Add panels to a dashboard."""
    for panel in panels:
        board = board.with_panel(panel)
    return board


def new(uid: str, title: str) -> Dashboard:
    """Return an empty dashboard."""
    board = Dashboard(title).uid(uid).tags(["foa"]).refresh("10s").time("now-12h", "now")
    return board.timezone("utc").readonly()


def write(directory: Path) -> None:
    """Write the JSON of every dashboard."""
    for dashboard in (overview(), services(), infrastructure()):
        built = dashboard.build()
        text = JSONEncoder(sort_keys=True, indent=1).encode(built)
        (directory / f"{built.uid}.json").write_text(text + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
