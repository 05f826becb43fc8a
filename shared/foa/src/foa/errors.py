"""Errors a person can do something about."""


class FoaError(Exception):
    """Something outside this program is wrong; the message says what, where, and what to do."""
