"""People who submit requests, and say this and that about them until it is heard."""

import queue
import threading
from dataclasses import replace
from pathlib import Path

from foa.cli.submitting import publish
from foa.errors import FoaError
from foa.intake.submission import said, submission
from foa.pipeline.progress import progress_of
from foa.site import read_site
from foa_stage.manifests import Message, Request, RequestCancelled, RequestHeld, ServiceHeld
from foa_stage.tree import RunTree
from foa_testing.chaos.checker import Expectation
from foa_testing.chaos.schedule import PlannedRequest
from foa_testing.fakes import stub_site

WHY = "chaos"


class People:
    """Whoever operates a site: what they say is repeated until the broker takes it.

    Attributes
    ----------
    expected
        What must become of each request, by id.
    """

    def __init__(self, site_file: Path) -> None:
        self._site_file, self._site = site_file, read_site(site_file)
        self.tree = RunTree(self._site.tree)
        self.expected: dict[str, Expectation] = {}
        self._requests: dict[str, Request] = {}
        self._unsaid: queue.Queue[Message] = queue.Queue()

    def start(self) -> None:
        """Say from now on what is to be said, in its order."""
        threading.Thread(target=self._talk, daemon=True).start()

    @property
    def are_silent(self) -> bool:
        """Tell whether everything has been said."""
        return not self._unsaid.unfinished_tasks

    @property
    def unfinished(self) -> list[str]:
        """Return the ids of the requests of which more is to come."""
        return [one for one in self.expected if not progress_of(self.tree, one).finished]

    def submit(self, planned: PlannedRequest) -> None:
        """Submit a request for the first time."""
        request = stub_site.make_request(self._site_file, planned.target, planned.obs_ids)
        self._requests[request.id] = request
        self.expected[request.id] = Expectation(planned)
        self._unsaid.put(submission(request, self.tree))

    def submit_again(self, request_id: str, *, retry: bool) -> bool:
        """Submit a request once more; not while a cancellation is on its way."""
        expectation = self.expected[request_id]
        if expectation.may_be_cancelled and not self._is_cancelled(request_id):
            return False
        self.expected[request_id] = replace(expectation, may_be_cancelled=False)
        self._unsaid.put(submission(self._requests[request_id], self.tree, retry=retry))
        return True

    def cancel(self, request_id: str) -> None:
        """Cancel a request, perhaps too late."""
        self.expected[request_id] = replace(self.expected[request_id], may_be_cancelled=True)
        request = self._requests[request_id]
        self._unsaid.put(RequestCancelled(request=request, said=said(WHY)))

    def hold(self, request_id: str, *, held: bool) -> None:
        """Hold a request, or let it go on."""
        request = self._requests[request_id]
        self._unsaid.put(RequestHeld(request=request, held=held, said=said(WHY)))

    def hold_service(self, service: str, *, held: bool) -> None:
        """Hold a service, or let it go on; the empty name is all."""
        self._unsaid.put(ServiceHeld(service=service, held=held, said=said(WHY)))

    def _is_cancelled(self, request_id: str) -> bool:
        return progress_of(self.tree, request_id).phase == "cancelled"

    def _talk(self) -> None:
        while True:
            message = self._unsaid.get()
            while not self._say(message):
                pass
            self._unsaid.task_done()

    def _say(self, message: Message) -> bool:
        try:
            publish(self._site, [message])
        except FoaError:
            return False
        return True
