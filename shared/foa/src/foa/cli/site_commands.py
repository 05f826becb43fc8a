"""Commands about an installation: check it, serve, analyse files of one's own."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer

from foa.cli import analysis, checks
from foa.cli.options import DEMO_SITE, JsonOption, SiteOption
from foa.cli.output import print_rows
from foa.pipeline import find_service
from foa.site import read_site

LOG_PROCESSORS = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
)
ListenOption = Annotated[
    str,
    typer.Option(envvar="FOA_LISTEN", help="HOST:PORT of /metrics, /live and /ready; port 0: any"),
]


def check(site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """Check that everything this site needs is reachable."""
    found = checks.check_site(read_site(site))
    print_rows([one.__dict__ for one in found], as_json=as_json)
    raise typer.Exit(0 if all(one.ok for one in found) else 1)


def analyze(
    store: Annotated[Path, typer.Argument(help="directory of DL3 files with GADF index files")],
    target: Annotated[str, typer.Option(help="a known name, or RA,DEC in degrees (ICRS)")],
    site: SiteOption = DEMO_SITE,
    profile: Annotated[
        str, typer.Option(help="name of a shipped profile, or path of a file")
    ] = "quick-look",
    as_json: JsonOption = False,
) -> None:
    """Analyse any directory of DL3 files: significance, sky maps, spectrum, light curve, report."""
    analysis.analyze(read_site(site), store, target, profile, as_json=as_json)


def serve(
    service: Annotated[str, typer.Argument(help="name of the service")],
    site: SiteOption,
    listen: ListenOption = "127.0.0.1:0",
) -> None:
    """Run a service as a daemon until told to stop; logs are JSON, a line each."""
    from foa.service.daemon import serve as run_daemon

    # the daemon itself logs that a connection broke: not pika's pages of it as well
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    structlog.configure(processors=[*LOG_PROCESSORS])
    run_daemon(find_service(service), site, listen)


COMMANDS: dict[str, Callable[..., None]] = {"check": check, "analyze": analyze, "serve": serve}
