"""Commands about an installation: check it, serve, analyse files of one's own."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer

from foa.cli import analysis, checks
from foa.cli.options import JsonOption, SiteOption, complete_service, site_file, site_of
from foa.cli.output import print_rows
from foa.errors import ExitStatus, FoaError
from foa.pipeline import find_service

LOG_PROCESSORS = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
)
ServiceArgument = Annotated[
    str, typer.Argument(help="name of the service", autocompletion=complete_service)
]
ListenOption = Annotated[
    str,
    typer.Option(envvar="FOA_LISTEN", help="HOST:PORT of /metrics, /live and /ready; port 0: any"),
]


def check(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Check that everything this site needs is reachable."""
    found = checks.check_site(site_of(site))
    print_rows([one.__dict__ for one in found], as_json=as_json)
    raise typer.Exit(ExitStatus.DONE if all(one.ok for one in found) else ExitStatus.FAILED)


def analyze(
    store: Annotated[Path, typer.Argument(help="directory of DL3 files with GADF index files")],
    target: Annotated[str, typer.Option(help="a known name, or a position (ICRS)")],
    site: SiteOption = None,
    profile: Annotated[
        str, typer.Option(help="name of a shipped profile, or path of a file")
    ] = "quick-look",
    output: Annotated[
        Path | None, typer.Option(help="new or empty directory for results and report")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Analyse any directory of DL3 files: significance, sky maps, spectrum, light curve, report."""
    here = site_of(site)
    wanted = analysis.describe(store, target, profile)
    analysis.analyze(here, wanted, output, as_json=as_json)


def serve(
    service: ServiceArgument,
    site: SiteOption = None,
    listen: ListenOption = "127.0.0.1:0",
) -> None:
    """Run a service as a daemon until told to stop; logs are JSON, a line each."""
    from foa.service.daemon import serve as run_daemon

    # the daemon itself logs that a connection broke: not pika's pages of it as well
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    structlog.configure(processors=[*LOG_PROCESSORS])
    try:
        run_daemon(find_service(service), site_file(site), listen)
    except Exception as error:
        if not isinstance(error, FoaError):  # a bug, or a disk that fails
            structlog.get_logger(service=service).exception("broken down")
        raise


COMMANDS: dict[str, Callable[..., None]] = {"check": check, "analyze": analyze, "serve": serve}
