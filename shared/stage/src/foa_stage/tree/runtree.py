"""Every path of the run tree, and what lies there.

::

    requests/<request>/request.json
    requests/<request>/manifests/<generation>/<kind>.<obs_id>.<id>.json
    requests/<request>/journal/00000001, ...          links to the manifests, in their order
    requests/<request>/jobs/<stage>.<obs_id>          link to the work
    requests/<request>/manifests/_words/              what people said besides
    requests/<request>/results/001-first-look, 002-final, ...
    outbox/<service>/, pending/<service>/             manifests to send, manifests to answer
    holds/                                            who holds the submissions of services
    handlings/<service>/                              notes of messages that are being handled
    work/<stage>/<key>/request.json report.json retried.json lock products/
    work/<stage>/<key>/attempt-1/resources.json out err conclusion.json withdrawn
    work/<stage>/<key>/attempt-1/                     also the executor's own files
    cache/<name>/                                     what stages may reuse and make again
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foa_stage.manifests import Manifest, Product, obs_id_of
from foa_stage.tree.documents import LinkedWork, read_link
from foa_stage.tree.files import link_atomic
from foa_stage.tree.mailbox import Mailbox
from foa_stage.tree.words import Words
from foa_stage.tree.work import Attempt, Work


@dataclass(frozen=True)
class RunTree(Words):
    """The run tree below `root`."""

    @property
    def lock(self) -> Path:
        """Return the lock file of the one `foa run` that may be at work here."""
        return self.root / ".lock"

    def outbox(self, service: str) -> Mailbox:
        """Return what a service has announced and the broker has not confirmed."""
        return Mailbox(self.root / "outbox" / service)

    def pending(self, service: str) -> Mailbox:
        """Return what a service was told and has not answered."""
        return Mailbox(self.root / "pending" / service)

    def handlings(self, service: str) -> Path:
        """Return the directory of the notes of messages that a service has begun to handle."""
        return self.root / "handlings" / service

    def work(self, stage: str, key: str) -> Work:
        """Return a piece of work, begun or not."""
        return Work.at(self.root / "work" / stage / key)

    def works(self) -> Iterator[Work]:
        """Yield every piece of work ever begun."""
        yield from map(Work.at, sorted(self.root.glob("work/*/*")))

    def attempt(self, job_name: str) -> Attempt:
        """Return the attempt that a job's name stands for: the inverse of `Attempt.name`."""
        stage_and_key, number = job_name.removeprefix("foa-").rsplit("-", 1)
        stage, key = stage_and_key.rsplit("-", 1)
        return Attempt(self.work(stage, key), int(number))

    @staticmethod
    def has_product(product: Product) -> bool:
        """Tell whether a product is still there."""
        return product.path.is_file()

    def link_work(self, manifest: Manifest, work: Work, *, per_run: bool) -> None:
        """Let the request show which work it led to."""
        obs_id = obs_id_of(manifest) if per_run else 0
        jobs = self.request_directory(manifest.request.id) / "jobs"
        link = jobs / f"{work.stage}.{obs_id:05d}"
        if not link.is_symlink() or link.readlink() != work.directory:
            link_atomic(link, work.directory)

    def linked_works(self, request_id: str) -> list[LinkedWork]:
        """Return the newest work of a request for every stage and run."""
        links = sorted((self.request_directory(request_id) / "jobs").glob("[!.]*.[0-9]*"))
        return [work for link in links if (work := read_link(link))]
