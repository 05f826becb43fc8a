"""`foa`: the operator's command."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from foa.cli import analysis, broker, checks, inspection, running
from foa.cli.asking import read_request
from foa.cli.output import make_console
from foa.errors import FoaError
from foa.manifests import ManifestRejected
from foa.site import Site, read_site
from foa.tree import RunTree

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help=(
        "The LST-1 Fast Offline Analysis: from DL1 files to significance, sky maps, spectrum and light curve.\n\n"
        "Write a request (a target and its nights), [bold]foa run[/] it, and look at the results it names. Run it "
        "again at any time: what is done is not done again. [bold]foa show[/] and [bold]foa why[/] tell where every "
        "run stands."
    ),
)

SiteOption = Annotated[
    Path,
    typer.Option("--site", envvar="FOA_SITE", help="site file: where data, environments and results lie"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="for machines")]
RequestArgument = Annotated[str, typer.Argument(help="id of a request, or the beginning of one; see `foa list`")]
DEMO_SITE = Path("deploy/sites/demo.yaml")


@app.command()
def synth(
    directory: Annotated[Path, typer.Argument(help="where the night goes")],
    site: SiteOption = DEMO_SITE,
    seed: Annotated[int, typer.Option(help="of every random number")] = 2,
) -> None:
    """Make a synthetic night in the telescope's own formats: MC, Random Forests, runs good and bad, datacheck files."""
    with _one_clear_error():
        python = read_site(site).environments / "dl2-converter" / "bin" / "python"
        if not python.exists():
            raise FoaError(f"{python} is missing; run `make env`")
        command = [str(python), "-m", "foa.testing.night", str(directory), "--seed", str(seed)]
        raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command()
def run(
    requests: Annotated[list[Path], typer.Argument(help="request files")],
    site: SiteOption = DEMO_SITE,
    as_json: JsonOption = False,
) -> None:
    """Run requests to their end: all five services in this process.

    Ctrl-C at any time: jobs under way go on by themselves, and the next `foa run` takes them up where they are.
    """
    with _one_clear_error():
        place = read_site(site)
        asked = [read_request(path, place) for path in requests]
        raise typer.Exit(running.run_requests(place, asked, as_json=as_json))


@app.command()
def analyze(
    store: Annotated[Path, typer.Argument(help="directory of DL3 files with GADF index files")],
    target: Annotated[str, typer.Option(help="a known name, or RA,DEC in degrees (ICRS)")],
    site: SiteOption = DEMO_SITE,
    profile: Annotated[str, typer.Option(help="name of a shipped profile, or path of a file")] = "quick-look",
    as_json: JsonOption = False,
) -> None:
    """Analyse any directory of DL3 files: significance, sky maps, spectrum, light curve, report."""
    with _one_clear_error():
        raise typer.Exit(analysis.analyze(read_site(site), store, target, profile, as_json=as_json))


@app.command("list")
def list_(site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """List all requests and how far they are."""
    with _one_clear_error():
        rows = inspection.list_requests(_tree(site))
        _print(rows, as_json)


@app.command()
def show(request: RequestArgument, site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """Show where every run of a request stands, and what was found."""
    with _one_clear_error():
        inspection.show(_tree(site), request, as_json=as_json)


@app.command()
def why(
    request: RequestArgument,
    run: Annotated[int | None, typer.Argument(help="run number; all runs without it")] = None,
    site: SiteOption = DEMO_SITE,
    as_json: JsonOption = False,
) -> None:
    """Say why runs were graded as they were, why they failed, or what they wait for."""
    with _one_clear_error():
        _print(inspection.explain(_tree(site), request, run), as_json)


@app.command()
def log(
    request: RequestArgument,
    run: Annotated[int, typer.Argument(help="run number; 0 for selection and analysis")] = 0,
    site: SiteOption = DEMO_SITE,
) -> None:
    """Print what the jobs of a run wrote, newest attempts, stage by stage."""
    with _one_clear_error():
        for line in inspection.logs(_tree(site), request, run):
            sys.stdout.write(f"{line}\n")


@app.command()
def retry(
    request: RequestArgument,
    run: Annotated[int | None, typer.Argument(help="run number; everything that failed without it")] = None,
    site: SiteOption = DEMO_SITE,
    as_json: JsonOption = False,
) -> None:
    """Do again what has failed, then all that depends on it."""
    with _one_clear_error():
        place = read_site(site)
        found = inspection.find_request(RunTree(place.tree), request)
        inspection.forget_failures(RunTree(place.tree), found.id, run)
        raise typer.Exit(running.run_requests(place, [found], as_json=as_json))


@app.command()
def submit(
    requests: Annotated[list[Path], typer.Argument(help="request files")],
    site: SiteOption = DEMO_SITE,
) -> None:
    """Hand requests to the daemons of a site with a broker; `foa show` tells what becomes of them."""
    with _one_clear_error():
        place = read_site(site)
        for request_id in broker.submit(place, [read_request(path, place) for path in requests]):
            sys.stdout.write(f"{request_id}\n")


bus_commands = typer.Typer(no_args_is_help=True, help="Administer the broker.")
app.add_typer(bus_commands, name="bus")


@bus_commands.command("apply")
def bus_apply(site: SiteOption = DEMO_SITE) -> None:
    """Declare exchanges, queues and bindings; what is there already stays."""
    with _one_clear_error():
        sys.stdout.write(f"{broker.apply_topology(read_site(site))} things declared\n")


@bus_commands.command("users")
def bus_users(site: SiteOption = DEMO_SITE) -> None:
    """Make every user's password and print host, users and rights for `rabbitmqctl import_definitions`."""
    with _one_clear_error():
        sys.stdout.write(broker.definitions(read_site(site)) + "\n")


dead_letters = typer.Typer(no_args_is_help=True, help="Look after messages that a service could not handle.")
app.add_typer(dead_letters, name="dlq")
ServiceArgument = Annotated[str, typer.Argument(help="whose messages")]
PositionArgument = Annotated[int | None, typer.Argument(help="which one; all without it")]


@dead_letters.command("ls")
def dlq_ls(service: ServiceArgument, site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """List parked messages with the reason of each."""
    with _one_clear_error():
        parked = broker.parked_messages(read_site(site), service)
        _print([{"position": m.position, "reason": m.reason} for m in parked], as_json)


@dead_letters.command("show")
def dlq_show(service: ServiceArgument, position: int, site: SiteOption = DEMO_SITE) -> None:
    """Print a parked message."""
    with _one_clear_error():
        broker.show_parked(read_site(site), service, position)


@dead_letters.command("replay")
def dlq_replay(service: ServiceArgument, position: PositionArgument = None, site: SiteOption = DEMO_SITE) -> None:
    """Give parked messages back to their service."""
    with _one_clear_error():
        sys.stdout.write(f"{broker.replay(read_site(site), service, position)} replayed\n")


@dead_letters.command("drop")
def dlq_drop(service: ServiceArgument, position: PositionArgument = None, site: SiteOption = DEMO_SITE) -> None:
    """Throw parked messages away."""
    with _one_clear_error():
        sys.stdout.write(f"{broker.drop(read_site(site), service, position)} dropped\n")


@app.command()
def check(site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """Check that everything this site needs is reachable."""
    with _one_clear_error():
        rows = checks.check_site(read_site(site))
        _print([row.__dict__ for row in rows], as_json)
        raise typer.Exit(0 if all(row.ok for row in rows) else 1)


def _tree(site: Path) -> RunTree:
    place: Site = read_site(site)
    return RunTree(place.tree)


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=1, default=str) + "\n")
        return
    if not rows:
        make_console().print("nothing")
        return
    table = Table(*(Column(name, no_wrap=name == "request") for name in rows[0]))
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    make_console().print(table)


@contextmanager
def _one_clear_error() -> Iterator[None]:
    try:
        yield
    except (FoaError, ManifestRejected) as error:
        make_console(stderr=True).print("[red]foa:[/]", escape(str(error)), highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def main() -> None:
    """Entry point of `foa`."""
    app()


if __name__ == "__main__":
    main()
