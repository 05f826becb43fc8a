"""Make the manifest that starts everything."""

from foa_stage.archive import fingerprint
from foa_stage.manifests import Request, RequestSubmitted
from foa_stage.tree import RunTree


def submission(request: Request, tree: RunTree) -> RequestSubmitted:
    """Return the manifest of a request; new files in the archive make it a new one.

    A request that the tree knows keeps the identity under which it was recorded.
    """
    known = tree.known(request)
    inputs = fingerprint(known.archive, known.first_night, known.last_night)
    return RequestSubmitted(request=known, inputs=inputs)
