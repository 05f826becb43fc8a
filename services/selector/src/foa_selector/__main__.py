"""Run the selector."""

from foa.service import Service, run_service

from foa_selector.plan import NAME, conclude, plan

SERVICE = Service(
    NAME, consumes=("request.submitted",), announces=("run.selected", "run.failed", "request.failed"), plan=plan,
    conclude=conclude, stage="foa_selector.stage", priority=5, per_run=False,
)  # fmt: skip


def main() -> None:
    """Entry point of `foa-selector`."""
    run_service(SERVICE)
