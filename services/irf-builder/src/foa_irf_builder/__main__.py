"""Run the irf-builder."""

from foa.service import Service, run_service

from foa_irf_builder.plan import NAME, conclude, plan

SERVICE = Service(NAME, ("run.selected",), plan, conclude, stage="foa_irf_builder.stage", priority=2)


def main() -> None:
    """Entry point of `foa-irf-builder`."""
    run_service(SERVICE)
