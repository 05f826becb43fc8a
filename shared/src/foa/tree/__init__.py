"""The run tree: the truth about requests, work and products, on a shared file system."""

from foa.tree.files import locked, product_of, sha256_of, write_atomic
from foa.tree.mailbox import Mailbox
from foa.tree.runtree import RunTree
from foa.tree.work import Attempt, Report, Work

__all__ = ["Attempt", "Mailbox", "Report", "RunTree", "Work", "locked", "product_of", "sha256_of", "write_atomic"]
