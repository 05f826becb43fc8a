"""Connection parameters of pika."""

import ssl

import pika

from foa.bus.rabbitmq.address import BrokerAddress


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
