"""SLURM with accounting: slurmctld, several slurmd on this host, slurmdbd, MariaDB.

Without munge (auth/none, one user), which authenticates nobody: for development only.  Accounts are `foa`, whose
quality of service goes first, and `standard`; jobs under any other account are refused.
"""

import getpass
import os
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from string import Template

from foa.jobs.slurm.text import Rest
from foa.testing.stack.processes import listens, pid_of, run, start, start_noted, stop, wait_until

TEMPLATES = ("slurm.conf", "slurmdbd.conf", "my.cnf")
PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "slurmrestd", "mariadbd", "mariadb-install-db")
ACCOUNTING = (
    ("add", "cluster", "foastack"),
    ("add", "qos", "foa", "priority=1000"),
    ("add", "account", "foa", "cluster=foastack", "qos=foa", "defaultqos=foa"),
    ("add", "account", "standard", "cluster=foastack", "qos=normal"),
)


@dataclass(frozen=True)
class Slurm:
    """A SLURM of our own below `root`, with ports from `base_port` on."""

    root: Path
    templates: Path
    base_port: int
    n_nodes: int = 3
    cpus: int = 4
    memory_mib: int = 16_000
    guests: tuple[str, ...] = ()
    """Who may submit jobs besides whoever starts it, if root does."""

    @property
    def environment(self) -> dict[str, str]:
        """What its commands need to find it."""
        return {"SLURM_CONF": str(self.root / "slurm.conf")}

    @property
    def nodes(self) -> list[str]:
        """Names of the nodes."""
        return [f"n{number}" for number in range(1, self.n_nodes + 1)]

    def start(self) -> None:
        """Start everything and wait until all nodes are idle."""
        self._write_configuration()
        self.start_database()
        self.start_dbd()
        self._add_accounts()
        self.start_ctld()
        for node in self.nodes:
            self.start_node(node)
        wait_until(lambda: len(self._idle()) == self.n_nodes, "idle nodes")

    def stop(self) -> None:
        """Stop everything."""
        for name in ("slurmrestd", *(f"slurmd.{node}" for node in self.nodes), "slurmctld", "slurmdbd", "mysql"):
            stop(self.pid_file(name))

    def status(self) -> dict[str, bool]:
        """Which servers live."""
        names = ["mysql", "slurmdbd", "slurmctld", *(f"slurmd.{node}" for node in self.nodes)]
        return {name: pid_of(self.pid_file(name)) is not None for name in names}

    def pid_file(self, server: str) -> Path:
        """Where a server notes its process."""
        return self.root / "run" / f"{server}.pid"

    def command(self, *arguments: str, check: bool = True) -> str:
        """Run one of SLURM's commands against this SLURM."""
        return run(*arguments, env=self.environment, check=check)

    def start_ctld(self) -> None:
        """Start the controller and wait for its answer."""
        run("slurmctld", env=self.environment)
        wait_until(lambda: "is UP" in self.command("scontrol", "ping", check=False), "slurmctld")

    def start_dbd(self) -> None:
        """Start the accounting and wait for its answer."""
        run("slurmdbd", env=self.environment)
        wait_until(lambda: "error" not in self._sacctmgr_says(), "slurmdbd")

    def start_database(self) -> None:
        """Start MariaDB with the accounting's data base."""
        options = f"--defaults-file={self.root / 'my.cnf'}"
        if not (self.root / "mysql/mysql").exists():
            run("mariadb-install-db", options, "--auth-root-authentication-method=normal", "--skip-test-db")
        start("mariadbd", options, log=self.root / "log/mariadbd.log")
        users = ("slurm@'127.0.0.1'", "slurm@localhost")
        grants = "".join(
            f"create user if not exists {user} identified by 'slurm'; grant all on slurm_acct.* to {user};"
            for user in users
        )
        client = ("mariadb", "--no-defaults", "-uroot", "-S", str(self.root / "run/mysql.sock"), "-e")
        wait_until(lambda: "1" in run(*client, "select 1", check=False), "MariaDB")
        run(*client, f"create database if not exists slurm_acct; {grants}")

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        (self.root / "spool" / node).mkdir(parents=True, exist_ok=True)
        run("slurmd", "-N", node, env=self.environment)

    def start_rest(self) -> Rest:
        """Start slurmrestd, for a token of this user; how to reach it."""
        port, token = self.base_port + 20, self.root / "token"
        # it refuses to run as root, but need not be anybody: whoever asks has a token
        environment = ("env", "SLURM_JWT=daemon", f"SLURM_CONF={self.environment['SLURM_CONF']}")
        start_noted(
            *environment, "unshare", "--user", "--map-user=1000", "slurmrestd", "-a", "rest_auth/jwt",
            "-s", "openapi/v0.0.38,openapi/dbv0.0.38", f"127.0.0.1:{port}",
            pid_file=self.pid_file("slurmrestd"), log=self.root / "log/slurmrestd.log",
        )  # fmt: skip
        token.touch(mode=0o600)
        token.write_text(self.command("scontrol", "token", "lifespan=86400").partition("=")[2])
        wait_until(lambda: listens(port), "slurmrestd")
        return Rest(url=f"http://127.0.0.1:{port}", version="v0.0.38", user=getpass.getuser(), token_file=token)

    def _write_configuration(self) -> None:
        if not (key := self.root / "jwt.key").exists():
            self.root.mkdir(parents=True, exist_ok=True)
            key.touch(mode=0o600)
            key.write_bytes(secrets.token_bytes(32))
        for name in ("log", "run", "state", "spool", "mysql"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        host = socket.gethostname().split(".")[0]
        nodes = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={self.base_port + 100 + number}"
            for number, node in enumerate(self.nodes)
        ]
        values = {
            "root": self.root, "user": getpass.getuser(), "nodes": "\n".join(nodes), "n_nodes": self.n_nodes,
            "cpus": self.cpus, "memory_mib": self.memory_mib, "mysql_port": self.base_port + 6,
            "dbd_port": self.base_port + 9, "ctld_port": self.base_port + 17,
        }  # fmt: skip
        for name in TEMPLATES:
            path = self.root / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o644 if name == "slurm.conf" else 0o600)
            path.write_text(Template((self.templates / name).read_text()).substitute(values))

    def _add_accounts(self) -> None:
        if "foastack" in self.command("sacctmgr", "-nP", "show", "cluster", "format=cluster"):
            return
        users = ("add", "user", ",".join((getpass.getuser(), *self.guests)))
        for words in (*ACCOUNTING, (*users, "account=standard,foa", "defaultaccount=standard")):
            self.command("sacctmgr", "--quiet", "--immediate", *words)

    def _idle(self) -> list[str]:
        return self.command("sinfo", "-hN", "-t", "idle", "-o", "%N", check=False).split()

    def _sacctmgr_says(self) -> str:
        try:
            return run("sacctmgr", "-nP", "show", "cluster", env=self.environment)
        except RuntimeError as error:
            return f"error: {error}"


def missing_programs() -> list[str]:
    """Programs of SLURM's that this host lacks."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]
