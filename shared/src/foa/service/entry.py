"""The command of every service."""

import gc
import importlib
import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from foa.errors import FoaError
from foa.service.model import Service

LOG_CONTEXT = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def run_service(service: Service) -> None:
    """Run the command line of a service."""
    app = typer.Typer(help=f"The {service.name} of the LST-1 Fast Offline Analysis.", no_args_is_help=True)

    @app.command()
    def stage(request: Annotated[Path, typer.Argument(help="request.json of the work", exists=True)]) -> None:
        """Do one piece of work: what a job executes."""
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
        gc.disable()  # what is imported stays: to look for garbage among it takes a second
        module = importlib.import_module(service.stage)
        gc.enable()
        raise SystemExit(module.main(request))

    @app.command()
    def serve(
        site: Annotated[Path, typer.Option(envvar="FOA_SITE", help="site file, with a broker", exists=True)],
        listen: Annotated[
            str, typer.Option(envvar="FOA_LISTEN", help="HOST:PORT of /metrics, /live and /ready; port 0: any")
        ] = "127.0.0.1:0",
    ) -> None:
        """Consume manifests until told to stop."""
        from foa.service.daemon import serve as run_daemon
        from foa.site import read_site

        structlog.configure(processors=[*LOG_CONTEXT, structlog.processors.JSONRenderer()])
        try:
            run_daemon(service, read_site(site), listen)
        except FoaError as error:
            sys.stderr.write(f"foa-{service.name}: {error}\n")
            raise typer.Exit(2) from error

    app()
