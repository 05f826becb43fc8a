"""The command of every service."""

import importlib
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from foa.service.model import Service


def run_service(service: Service) -> None:
    """Run the command line of a service."""
    app = typer.Typer(help=f"The {service.name} of the LST-1 Fast Offline Analysis.", no_args_is_help=True)

    @app.callback()
    def _only_commands() -> None:
        """Keep `stage` a command of its own though it is the only one."""

    @app.command()
    def stage(request: Annotated[Path, typer.Argument(help="request.json of the work", exists=True)]) -> None:
        """Do one piece of work: what a job executes."""
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
        raise SystemExit(importlib.import_module(service.stage).main(request))

    app()
