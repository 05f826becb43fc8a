"""How pika connects, and what it raises."""

import ssl

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorStackTimeout
from pika.exceptions import AMQPError
from pika.spec import props as known_properties

from foa.bus.rabbitmq.address import BrokerAddress
from foa.bus.rabbitmq.messages import ReceivedProperties

BROKER_ERRORS = (AMQPError, OSError)
"""What connecting, or using a connection, raises if the broker is away or refuses something."""


def open_connection(address: BrokerAddress) -> pika.BlockingConnection:
    """Connect to the broker, so that no message's properties can end the connection.

    Raises
    ------
    AMQPError
        If the broker is not there, or does not let the user in.
    OSError
        If it does not answer in time, or the password cannot be read.
    """
    known_properties[pika.BasicProperties.INDEX] = ReceivedProperties
    try:
        return pika.BlockingConnection(parameters_of(address))
    except AMQPConnectorStackTimeout as error:  # of pika, and yet no AMQPError
        raise TimeoutError(str(error)) from error


def spell(error: Exception) -> str:
    """Return an error with the name of its class.

    pika leaves the text of some errors empty and keeps the cause in their arguments.
    """
    return f"{type(error).__name__}: {error}" if str(error) else repr(error)


def parameters_of(address: BrokerAddress) -> pika.ConnectionParameters:
    """Return pika's parameters; the password is read now."""
    credentials = pika.PlainCredentials(address.user, address.password_file.read_text().strip())
    options = None
    if address.ca_file:
        options = pika.SSLOptions(
            ssl.create_default_context(cafile=str(address.ca_file)), address.host
        )
    return pika.ConnectionParameters(
        *(address.host, address.port, address.vhost, credentials),
        heartbeat=30,
        blocked_connection_timeout=30,
        ssl_options=options,
    )
