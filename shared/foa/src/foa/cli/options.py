"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from foa.site import read_site
from foa_stage.tree import RunTree

DEMO_SITE = Path("deploy/sites/demo.yaml")
SITE_HELP = "site file: where data, environments and results lie"
SiteOption = Annotated[Path, typer.Option("--site", envvar="FOA_SITE", help=SITE_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="for machines")]
RequestFiles = Annotated[list[Path], typer.Argument(help="request files")]
REQUEST_HELP = "id of a request, or the beginning of one; see `foa list`"
RequestArgument = Annotated[str, typer.Argument(help=REQUEST_HELP)]


def tree_of(site: Path) -> RunTree:
    """Return the run tree of a site file."""
    return RunTree(read_site(site).tree)
