"""The shared library of the LST-1 Fast Offline Analysis."""
