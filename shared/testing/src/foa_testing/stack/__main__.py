"""`python -m foa_testing.stack up|down|status DIRECTORY`: the development stack with daemons."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from foa.pipeline import installed_services
from foa_testing.stack.processes import SYSTEM_PROGRAMS
from foa_testing.stack.whole import Stack, missing_programs

HELP = "The development stack on loopback."
app = typer.Typer(no_args_is_help=True, help=HELP, pretty_exceptions_enable=False)
Root = Annotated[Path, typer.Argument(help="directory of all its state")]
Like = Annotated[Path, typer.Option("--like", help="site whose data and environments to use")]


@app.command()
def up(root: Root, like: Like = Path("deploy/sites/demo.yaml")) -> None:
    """Start servers and daemons."""
    if lacking := missing_programs():
        sys.exit(f"{', '.join(lacking)}: not on this host; `make servers` installs them")
    stack = Stack(root.resolve(), Path.cwd())
    site = stack.write_site(like, stack.root)
    os.environ |= stack.slurm.environment
    stack.start()
    daemons = stack.daemons(site)
    for service in installed_services():
        daemons.start(service.name, service.name)
    _tell(stack, site)


@app.command()
def down(root: Root) -> None:
    """Stop daemons and servers; what they keep stays in the directory."""
    stack = Stack(root.resolve(), Path.cwd())
    stack.daemons(stack.root / "site.yaml").stop_all()
    stack.stop()


@app.command()
def status(root: Root) -> None:
    """Say what lives; exit code 1 unless everything does."""
    stack = Stack(root.resolve(), Path.cwd())
    site = stack.root / "site.yaml"
    living = {**stack.status(), **stack.daemons(site).status()}
    for name, lives in living.items():
        Console().print(f"{name:16} {'[green]up[/]' if lives else '[red]down[/]'}", highlight=False)
    if not all(living.values()):
        raise typer.Exit(1)
    _tell(stack, site)


def _tell(stack: Stack, site: Path) -> None:
    lines = [
        f"submit      foa submit deploy/requests/crab.yaml --site {site}",
        f"watch       {stack.prometheus.url}, http://{stack.prometheus.alertmanager}",
        f"scheduler   export SLURM_CONF={stack.slurm.environment['SLURM_CONF']}; squeue",
        f"logs        {stack.daemons(site).root}/*.log",
    ]
    Console().print("\n".join(lines), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    os.environ["PATH"] += SYSTEM_PROGRAMS
    app()
