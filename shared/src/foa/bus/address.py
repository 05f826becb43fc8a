"""Where the broker is, and as whom to speak to it."""

from pathlib import Path

from foa.manifests import Frozen


class BrokerAddress(Frozen):
    """A user's way to the broker."""

    host: str
    port: int
    vhost: str
    user: str
    password_file: Path
    ca_file: Path | None = None
    """Certificate authority of the broker; without it the connection is not encrypted."""
