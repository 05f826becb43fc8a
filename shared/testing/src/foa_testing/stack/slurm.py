"""SLURM with accounting: slurmctld, several slurmd on this host, slurmdbd, MariaDB.

Without munge (auth/none, one user), which authenticates nobody: for development only.  Accounts are
`foa`, whose quality of service goes first, and `standard`; jobs under any other account are
refused.
"""

import getpass
import os
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from string import Template

from foa.executors.slurm import Rest
from foa_testing.stack.processes import (
    listens,
    pid_of,
    run,
    start,
    start_noted,
    start_surely,
    stop,
    wait_until,
)

TEMPLATES = ("slurm.conf", "slurmdbd.conf", "my.cnf")
PROGRAMS = (
    *("slurmctld", "slurmd", "slurmdbd", "sbatch", "slurmrestd"),
    *("mariadbd", "mariadb-install-db"),
)
START_TIMEOUT_S = 30.0
ACCOUNTING = (
    ("add", "cluster", "foastack"),
    ("add", "qos", "foa", "priority=1000"),
    ("add", "account", "foa", "cluster=foastack", "qos=foa", "defaultqos=foa"),
    ("add", "account", "standard", "cluster=foastack", "qos=normal"),
)

GRANTS = "".join(
    f"create user if not exists {user} identified by 'slurm'; grant all on slurm_acct.* to {user};"
    for user in ("slurm@'127.0.0.1'", "slurm@localhost")
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
        """Return what its commands need to find it."""
        return {"SLURM_CONF": str(self.root / "slurm.conf")}

    @property
    def nodes(self) -> list[str]:
        """Return the names of the hosts, which SLURM calls nodes."""
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
        daemons = (f"slurmd.{node}" for node in self.nodes)
        for name in ("slurmrestd", *daemons, "slurmctld", "slurmdbd", "mysql"):
            stop(self.pid_file(name))

    def status(self) -> dict[str, bool]:
        """Tell which servers live."""
        names = ["mysql", "slurmdbd", "slurmctld", *(f"slurmd.{node}" for node in self.nodes)]
        return {name: pid_of(self.pid_file(name)) is not None for name in names}

    def pid_file(self, server: str) -> Path:
        """Return the file in which a server notes its process."""
        return self.root / "run" / f"{server}.pid"

    def command(self, *arguments: str, check: bool = True) -> str:
        """Run one of SLURM's commands against this SLURM."""
        return run(*arguments, env=self.environment, check=check)

    def cancel_at_work(self, name: str) -> None:
        """Cancel the running job of a name when it has been at work for a while, as people do."""
        elapsed = ("squeue", "-h", "--states=R", f"--name={name}", "-o", "%M")
        wait_until(lambda: self.command(*elapsed).strip() not in ("", "0:00", "0:01"), name)
        self.command("scancel", f"--name={name}")

    def start_ctld(self) -> None:
        """Start the controller and wait for its answer."""
        start_surely(self._start_ctld, self.root / "log/slurmctld.log")

    def _start_ctld(self) -> None:
        run("slurmctld", env=self.environment)
        ping = ("scontrol", "ping")
        wait_until(
            lambda: "is UP" in self.command(*ping, check=False), "slurmctld", START_TIMEOUT_S
        )

    def start_dbd(self) -> None:
        """Start the accounting and wait for its answer."""
        start_surely(self._start_dbd, self.root / "log/slurmdbd.log")

    def _start_dbd(self) -> None:
        run("slurmdbd", env=self.environment)
        wait_until(lambda: "error" not in self._sacctmgr_says(), "slurmdbd", START_TIMEOUT_S)

    def start_database(self) -> None:
        """Start MariaDB with the accounting's data base."""
        options = f"--defaults-file={self.root / 'my.cnf'}"
        if not (self.root / "mysql/mysql").exists():
            without_password = "--auth-root-authentication-method=normal"
            run("mariadb-install-db", options, without_password, "--skip-test-db")
        start("mariadbd", options, log=self.root / "log/mariadbd.log")
        socket_file = str(self.root / "run/mysql.sock")
        client = ("mariadb", "--no-defaults", "-uroot", "-S", socket_file, "-e")
        wait_until(lambda: "1" in run(*client, "select 1", check=False), "MariaDB")
        run(*client, f"create database if not exists slurm_acct; {GRANTS}")

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        (self.root / "spool" / node).mkdir(parents=True, exist_ok=True)
        run("slurmd", "-N", node, env=self.environment)

    def start_rest(self) -> Rest:
        """Start slurmrestd, for a token of this user; return how to reach it."""
        port, token = self.base_port + 20, self.root / "token"
        start_noted(
            *self._rest_command(port),
            pid_file=self.pid_file("slurmrestd"),
            log=self.root / "log/slurmrestd.log",
        )
        token.touch(mode=0o600)
        token.write_text(self.command("scontrol", "token", "lifespan=86400").partition("=")[2])
        wait_until(lambda: listens(port), "slurmrestd")
        url, user = f"http://127.0.0.1:{port}", getpass.getuser()
        return Rest(url=url, version="v0.0.38", user=user, token_file=token)

    def _rest_command(self, port: int) -> tuple[str, ...]:
        """Return the command of slurmrestd, which refuses to run as root.

        It need not be anybody: whoever asks it has a token.
        """
        configuration = f"SLURM_CONF={self.environment['SLURM_CONF']}"
        nobody = ("env", "SLURM_JWT=daemon", configuration, "unshare", "--user", "--map-user=1000")
        interface = ("-s", "openapi/v0.0.38,openapi/dbv0.0.38", f"127.0.0.1:{port}")
        return (*nobody, "slurmrestd", "-a", "rest_auth/jwt", *interface)

    def _write_configuration(self) -> None:
        self._make_key()
        for name in ("log", "run", "state", "spool", "mysql"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        values = self._values()
        for name in TEMPLATES:
            path = self.root / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o644 if name == "slurm.conf" else 0o600)
            path.write_text(Template((self.templates / name).read_text()).substitute(values))

    def _make_key(self) -> None:
        """Make the key of the tokens that slurmrestd wants."""
        if not (key := self.root / "jwt.key").exists():
            self.root.mkdir(parents=True, exist_ok=True)
            key.touch(mode=0o600)
            key.write_bytes(secrets.token_bytes(32))

    def _values(self) -> dict[str, object]:
        """Return what the configuration's templates need."""
        shape = {"n_nodes": self.n_nodes, "cpus": self.cpus, "memory_mib": self.memory_mib}
        names = {"mysql_port": 6, "dbd_port": 9, "ctld_port": 17}
        ports = {name: self.base_port + offset for name, offset in names.items()}
        identity = {"root": self.root, "user": getpass.getuser()}
        return {"nodes": "\n".join(self._node_lines()), **identity, **shape, **ports}

    def _node_lines(self) -> list[str]:
        host = socket.gethostname().split(".")[0]
        where = f"NodeHostname={host} NodeAddr=127.0.0.1"
        return [
            f"NodeName={node} {where} Port={self.base_port + 100 + number}"
            for number, node in enumerate(self.nodes)
        ]

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
    """Return the programs of SLURM that this host lacks."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]
