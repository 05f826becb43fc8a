"""Run the irf-builder."""

from foa.service import Service, run_service

from foa_irf_builder.plan import NAME, conclude, plan

SERVICE = Service(
    NAME, consumes=("run.selected",), announces=("irf.ready", "run.failed"), plan=plan, conclude=conclude,
    stage="foa_irf_builder.stage", priority=2,
)  # fmt: skip


def main() -> None:
    """Entry point of `foa-irf-builder`."""
    run_service(SERVICE)
