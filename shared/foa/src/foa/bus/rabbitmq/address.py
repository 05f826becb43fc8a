"""The broker of a site file, and how a user reaches it."""

from pathlib import Path

from pydantic import Field

from foa_stage.manifests import Frozen


class BrokerAddress(Frozen):
    """Address and credentials of one user at the broker."""

    host: str
    port: int
    vhost: str
    user: str
    password_file: Path
    ca_file: Path | None = None
    """Certificate authority of the broker; without it the connection is not encrypted."""


class Broker(Frozen):
    """The RabbitMQ the daemons meet at; every service has a user of its own name."""

    host: str = "127.0.0.1"
    port: int = 5671
    vhost: str = "foa"
    passwords: Path = Field(
        description="directory with a file per user that holds nothing but the password"
    )
    ca_file: Path | None = None

    def address_of(self, user: str) -> BrokerAddress:
        """Return how a user reaches the broker."""
        shared = self.model_dump(exclude={"passwords"})
        return BrokerAddress(**shared, user=user, password_file=self.passwords / user)
