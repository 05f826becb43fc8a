"""Run the dl2-converter."""

from foa.service import Service, run_service

from foa_dl2_converter.plan import NAME, conclude, plan

SERVICE = Service(
    NAME, consumes=("run.selected",), announces=("dl2.ready", "run.failed"), plan=plan, conclude=conclude,
    stage="foa_dl2_converter.stage", priority=1,
)  # fmt: skip


def main() -> None:
    """Entry point of `foa-dl2-converter`."""
    run_service(SERVICE)
