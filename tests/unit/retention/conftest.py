"""A run tree in which things are old, and what may be dropped from it."""

import json
import os
import time

import pytest

from foa.intake.submission import said
from foa.retention import Retention, find_droppable
from foa_stage.jobs import Resources
from foa_stage.manifests import RequestFailed, RequestPinned, Target
from foa_stage.tree import Report, RunTree, product_of, write_atomic
from foa_testing.fakes import factories

POLICY = Retention(products={"dl2-converter": 30, "irf-node": 30}, leftovers=7)


class Yard:
    """A run tree with old and new things in it."""

    resources = Resources(memory_mib=1, time_limit_s=1)

    def __init__(self, root):
        self.tree, self.now = RunTree(root), time.time()

    def ask(self, name, *works, finished=True):
        """Record a request that asked for works; return its id."""
        request = factories.make_request(Target(name=name, ra=1, dec=1))
        manifest = factories.run_selected().model_copy(update={"request": request})
        self.tree.record(manifest)
        for work in works:
            self.tree.link_work(manifest, work, per_run=True)
        if finished:
            self.tree.record(RequestFailed(request=request, reason="no run"))
        return request.id

    def pin(self, request_id, *, pinned=True):
        request = self.tree.request(request_id)
        self.tree.record(RequestPinned(request=request, pinned=pinned, said=said()))

    def make(self, key="a", stage="dl2-converter", days=100, content="events", **report):
        """Make work that was done, with one product; return it."""
        work = self.begin(key, stage)
        path = work.products / f"{key}.h5"
        write_atomic(path, content.encode())
        products = (product_of("x", path), *report.pop("products", ()))
        whole = {"outcome": "done", "exit_code": 0, "products": products} | report
        work.write_report(Report(**whole))
        self.end(work, None)
        self.age(work.directory, days)
        return work

    def begin(self, key="a", stage="dl2-converter", **request):
        work = self.tree.work(stage, key)
        write_atomic(work.request, json.dumps(request).encode())
        with work.lock():
            attempts = work.attempts()
        self.attempt_of(work, len(attempts) + 1).begin(self.resources)
        return work

    def attempt_of(self, work, number):
        return self.tree.attempt(f"foa-{work.stage}-{work.key}-{number}")

    def end(self, work, death):
        work.attempts()[-1].record_ending(death)

    def age(self, path, days):
        """Date a file or link, or a directory with everything in it, as so old."""
        then = self.now - 86400 * days
        for one in (path, *path.rglob("*")):
            os.utime(one, (then, then), follow_symlinks=False)

    def found(self, **changes):
        policy = POLICY.model_copy(update=changes)
        return find_droppable(self.tree, policy, self.now)

    def found_names(self, **changes):
        return {one.path.name for one in self.found(**changes)}

    def files(self):
        return {
            path for path in self.tree.root.rglob("*") if path.is_symlink() or not path.is_dir()
        }


@pytest.fixture
def yard(make_yard, tmp_path):
    return make_yard(tmp_path / "tree")


@pytest.fixture
def make_yard():
    """Look at the run tree of this root."""
    return Yard
