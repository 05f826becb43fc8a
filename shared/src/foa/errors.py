"""Errors a person can do something about: one sentence that names the thing."""


class FoaError(Exception):
    """Something outside this program is wrong; the message says what, where, and what to do."""
