"""What stands against working on a request: what people said, or a later submission."""

from foa_stage.manifests import Said
from foa_stage.tree import RunTree


class Obstacles:
    """Looks at the words on requests and services in the tree."""

    def __init__(self, tree: RunTree, service: str) -> None:
        self._tree, self._service = tree, service

    def to_working(self, request_id: str, generation: str) -> str:
        """Return why what is told in a generation needs no answer any more; empty if it does."""
        if self._tree.is_superseded(request_id, generation):
            return "the request has been submitted again"
        return self.cancellation(request_id)

    def cancellation(self, request_id: str) -> str:
        """Return who cancelled a request, and why; empty if nobody did."""
        return _spell("cancelled", self._tree.cancellation(request_id))

    def to_submitting(self, request_id: str) -> str:
        """Return who holds submissions for a request, and why; empty if nobody does."""
        return _spell("held", self._tree.hold(request_id, self._service))


def _spell(what: str, said: Said | None) -> str:
    """Say what was said, by whom, and why."""
    return f"{what} by {said.who}" + (f": {said.why}" if said.why else "") if said else ""
