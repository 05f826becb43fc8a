"""The declaration of a service, made once, in `SERVICE` of its module `service`.

Topology and rights at the broker, progress, critical path, metrics, dashboards and the stub stages
of tests follow from the declarations.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from foa_stage.jobs import JobSpec, Resources, Wait
from foa_stage.manifests import SAID, Manifest, RequestSubmitted, kind_of
from foa_stage.tree import Report, RunTree

Kinds = tuple[type[Manifest], ...]
OBEYED = tuple(kind for kind in SAID if kind is not RequestSubmitted)
"""Types of what people say that every job service obeys."""


class Table(Protocol):
    """Results as people are shown them: spelled cells, and what is said below the table."""

    @property
    def title(self) -> str:
        """Return the heading."""

    @property
    def columns(self) -> Sequence[str]:
        """Return the headings of the columns, units included."""

    @property
    def rows(self) -> Sequence[Sequence[str]]:
        """Return the cells, row by row."""

    @property
    def notes(self) -> Sequence[str]:
        """Return sentences that belong below the table."""

    @property
    def detailed(self) -> bool:
        """Tell whether it is too wide for a terminal."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """The part of a declaration that all shapes of services share."""

    name: str
    """Of the service, its queue, its user at the broker, and its stage."""
    title: str
    """Its purpose, in a few words for people."""
    consumes: Kinds = ()
    announces: Kinds = ()
    """Kinds it publishes when it succeeds."""
    fails_with: type[Manifest] | None = None
    """Kind it publishes when it fails."""

    @property
    def says(self) -> Kinds:
        """Return every kind it may publish."""
        return (*self.announces, self.fails_with) if self.fails_with else self.announces

    @property
    def consumed_kinds(self) -> tuple[str, ...]:
        """Return the names of the kinds it consumes."""
        return tuple(map(kind_of, self.consumes))

    @property
    def heard_kinds(self) -> tuple[str, ...]:
        """Return the names of the kinds that its queue is bound to."""
        return self.consumed_kinds

    @property
    def said_kinds(self) -> tuple[str, ...]:
        """Return the names of the kinds it may publish."""
        return tuple(map(kind_of, self.says))


@dataclass(frozen=True, kw_only=True)
class JobService(Service):
    """A service that submits jobs: manifests in, one piece of work, manifests out."""

    plan: Callable[[Manifest, RunTree], JobSpec | Wait]
    """Return the work a manifest asks for; does nothing else."""
    announce: Callable[[Manifest, Report], list[Manifest]]
    """Return what follows for a manifest from the end of the work it asked for; never fails."""
    resources: Resources
    """Limits of its jobs where the site does not say otherwise."""
    priority: int
    """Of its jobs among all: later stages first, so that the first run is through early."""
    per_run: bool = True
    """Whether a piece of its work concerns one run, or the request as a whole."""
    on_daemon_host: bool = False
    """Whether its jobs run beside its daemon: the cluster's hosts see neither wiki nor chat."""
    tables: Callable[[bytes], Sequence[Table]] | None = None
    """Return the tables that people are shown of `results.json`, for the service that makes it."""

    @property
    def heard_kinds(self) -> tuple[str, ...]:
        """Return the names of the kinds it consumes, and of the words that hold or cancel jobs."""
        return (*self.consumed_kinds, *map(kind_of, OBEYED))

    @property
    def package(self) -> str:
        """Return the name of the Python package that plan and stage are in."""
        return self.plan.__module__.partition(".")[0]

    @property
    def stage(self) -> str:
        """Return the module that holds the `STAGE` of its jobs."""
        return f"{self.package}.stage"


@dataclass(frozen=True, kw_only=True)
class Source(Service):
    """A service that turns the outside world into manifests."""

    watch: Callable[[Path, Callable[[Manifest], None], threading.Event], None]
    """Run until the event is set, given the site file and what publishes a manifest."""


@dataclass(frozen=True, kw_only=True)
class Reader(Service):
    """A service that only reads the run tree."""

    show: Callable[[Path, threading.Event], None]
    """Run until the event is set, given the site file."""
