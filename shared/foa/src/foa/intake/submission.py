"""Make the manifests of what people say."""

import getpass
import os
from datetime import UTC, datetime

from foa_stage.archive import fingerprint
from foa_stage.manifests import Request, RequestSubmitted, Said, Veto
from foa_stage.tree import RunTree


def submission(
    request: Request,
    tree: RunTree,
    *,
    why: str = "",
    retry: bool = False,
    retried_run: int | None = None,
    vetoes: tuple[Veto, ...] | None = None,
) -> RequestSubmitted:
    """Return the manifest that submits a request; every one opens a generation.

    A request that the tree knows keeps the identity under which it was recorded, and its vetoes
    unless others are given.
    """
    known = tree.known(request)
    return RequestSubmitted(
        request=known,
        inputs=fingerprint(known.archive, known.first_night, known.last_night, known.obs_ids),
        said=said(why),
        retry=retry,
        retried_run=retried_run,
        vetoes=tree.vetoes(known.id) if vetoes is None else vetoes,
    )


def said(why: str = "") -> Said:
    """Return who says something, now, and why."""
    return Said(who=_user(), when=datetime.now(UTC), why=why)


def _user() -> str:
    """Return the account; in a container it may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
