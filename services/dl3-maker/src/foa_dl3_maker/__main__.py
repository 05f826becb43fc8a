"""Run the dl3-maker."""

from foa.service import Service, run_service

from foa_dl3_maker.plan import NAME, conclude, plan

SERVICE = Service(
    NAME, consumes=("dl2.ready", "irf.ready"), announces=("dl3.ready", "run.failed"), plan=plan, conclude=conclude,
    stage="foa_dl3_maker.stage", priority=3,
)  # fmt: skip


def main() -> None:
    """Entry point of `foa-dl3-maker`."""
    run_service(SERVICE)
