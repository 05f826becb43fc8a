"""Options and arguments that several commands share."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from foa.errors import FoaError, Unavailable
from foa.pipeline import installed_services
from foa.site import Site, read_site
from foa_stage.tree import RunTree

DEMO_SITE = Path("deploy/sites/demo.yaml")
SITE_HELP = "site file: where data, environments and results lie"


def own_site() -> Path:
    """Return the path of the site file in the user's configuration."""
    return Path(typer.get_app_dir("foa")) / "site.yaml"


def site_file(given: Path | None) -> Path:
    """Return the site file: the given one, the user's own, or the demo's in its repository.

    Raises
    ------
    FoaError
        If there is none; names the places.
    """
    if given:
        return given
    for path in (own_site(), DEMO_SITE):
        if path.exists():
            return path
    raise FoaError(
        "no site file: name one by --site or in the variable FOA_SITE, or put one at "
        f"{own_site()}; in the root of the repository, {DEMO_SITE} is taken"
    )


def site_of(given: Path | None) -> Site:
    """Read the site file."""
    return read_site(site_file(given))


def tree_of(given: Path | None) -> RunTree:
    """Return the run tree of a site file, to be read; raises what `existing_tree` raises."""
    return existing_tree(site_of(given))


def existing_tree(site: Site) -> RunTree:
    """Return the run tree of a site, to be read.

    Raises
    ------
    Unavailable
        If it is not there, or its file system is not mounted.
    OSError
        If it cannot be read: looking for names of files would find none.
    """
    if fault := site.mount_fault():
        raise Unavailable(f"run tree {fault}")
    tree = RunTree(site.tree)
    try:
        next(tree.root.iterdir(), None)
        with suppress(FileNotFoundError):  # there was no request yet
            next(tree.request_directory("").iterdir(), None)
    except FileNotFoundError as error:
        why = "nothing was run yet, or its file system is not mounted"
        raise Unavailable(f"the run tree {tree.root} does not exist: {why}") from error
    return tree


def complete_request(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of requests that begin so, for the shell."""
    try:
        tree = tree_of(Path(site) if (site := context.params.get("site")) else None)
        return tree.request_ids(incomplete)[::-1]
    except (FoaError, OSError):
        return []


def complete_service(incomplete: str) -> list[str]:
    """Return the names of services that begin so, for the shell."""
    return [one.name for one in installed_services() if one.name.startswith(incomplete)]


SiteOption = Annotated[Path | None, typer.Option("--site", envvar="FOA_SITE", help=SITE_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="for machines")]
YesOption = Annotated[bool, typer.Option("--yes", help="do not ask")]
RequestFiles = Annotated[list[Path], typer.Argument(help="request files")]
REQUEST_HELP = "id of a request, or the beginning of one; see `foa list`"
RequestArgument = Annotated[str, typer.Argument(help=REQUEST_HELP, autocompletion=complete_request)]
