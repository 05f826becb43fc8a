"""The development stack: real servers from Debian's packages, on loopback, all state in one directory, no systemd."""
