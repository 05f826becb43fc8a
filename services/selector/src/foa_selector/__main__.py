"""Run the selector."""

from foa.service import Service, run_service

from foa_selector.plan import NAME, conclude, plan

SERVICE = Service(NAME, ("request.submitted",), plan, conclude, stage="foa_selector.stage", priority=5, per_run=False)


def main() -> None:
    """Entry point of `foa-selector`."""
    run_service(SERVICE)
