"""The development stack: real servers from Debian's packages, on loopback, without systemd.

All its state is in one directory.
"""
