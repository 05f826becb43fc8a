"""Run the analyzer."""

from foa.service import Service, run_service

from foa_analyzer.plan import NAME, conclude, plan

SERVICE = Service(
    NAME, consumes=("dl2.ready", "dl3.ready", "run.failed"), announces=("analysis.ready", "request.failed"), plan=plan,
    conclude=conclude, stage="foa_analyzer.stage", priority=4, per_run=False,
)  # fmt: skip


def main() -> None:
    """Entry point of `foa-analyzer`."""
    run_service(SERVICE)
