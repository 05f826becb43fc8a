"""The bus over RabbitMQ. Nothing outside this package knows pika."""

from foa.bus.rabbitmq.address import Broker, BrokerAddress
from foa.bus.rabbitmq.broker import RabbitBroker
from foa.bus.rabbitmq.bus import RabbitBus

__all__ = ["Broker", "BrokerAddress", "RabbitBroker", "RabbitBus"]
