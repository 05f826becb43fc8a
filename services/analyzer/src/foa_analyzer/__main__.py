"""Run the analyzer."""

from foa.service import Service, run_service

from foa_analyzer.plan import NAME, conclude, plan

SERVICE = Service(
    NAME,
    ("dl2.ready", "dl3.ready", "run.failed"),
    plan,
    conclude,
    stage="foa_analyzer.stage",
    priority=4,
    per_run=False,
)


def main() -> None:
    """Entry point of `foa-analyzer`."""
    run_service(SERVICE)
