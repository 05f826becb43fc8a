"""The run tree: the truth about requests, work and products, on a shared file system."""

from foa_stage.tree.documents import LinkedWork, Unreadable
from foa_stage.tree.files import (
    digest_of_sources,
    locked,
    product_of,
    sha256_of,
    write_atomic,
)
from foa_stage.tree.mailbox import Mailbox
from foa_stage.tree.report import Report
from foa_stage.tree.runtree import RunTree
from foa_stage.tree.work import Attempt, Work

__all__ = [
    "Attempt",
    "LinkedWork",
    "Mailbox",
    "Report",
    "RunTree",
    "Unreadable",
    "Work",
    "digest_of_sources",
    "locked",
    "product_of",
    "sha256_of",
    "write_atomic",
]
