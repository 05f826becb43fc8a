"""The LST-1 Fast Offline Analysis: daemons and the operator's command."""

__version__ = "0.2.0"
