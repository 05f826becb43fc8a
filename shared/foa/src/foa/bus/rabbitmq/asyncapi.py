"""The messages as an AsyncAPI document: who says what, who hears it, and how it travels."""

from collections.abc import Mapping
from typing import Any

from foa.bus.rabbitmq.topology import EXCHANGE, queue_of
from foa_stage.manifests import KINDS, SCHEMA_VERSION

Kinds = tuple[str, ...]
INFO = {
    "title": "LST-1 Fast Offline Analysis",
    "version": str(SCHEMA_VERSION),
    "description": (
        "Manifests over RabbitMQ: one topic exchange, a quorum queue per service, routed by kind."
    ),
}


def describe(services: Mapping[str, tuple[Kinds, Kinds]]) -> dict[str, Any]:
    """Describe the messages of services, by the kinds each consumes and announces.

    Returns AsyncAPI 3.0; payloads are the JSON Schemas beside it.
    """
    operations: dict[str, Any] = {}
    for service, (consumes, announces) in services.items():
        for kind in consumes:
            operations[f"{service} hears {kind}"] = _operation("receive", kind, service)
        for kind in announces:
            operations[f"{service} says {kind}"] = _operation("send", kind, service)
    return {
        "asyncapi": "3.0.0",
        "info": INFO,
        "defaultContentType": "application/json",
        "channels": {kind: _channel(kind) for kind in KINDS},
        "operations": operations,
        "components": {"messages": {kind: _message(kind) for kind in KINDS}},
    }


def _channel(kind: str) -> dict[str, Any]:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True}
    return {
        "address": kind,
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange}},
    }


def _operation(action: str, kind: str, service: str) -> dict[str, Any]:
    place = f"into {queue_of(service)}" if action == "receive" else f"to the exchange {EXCHANGE}"
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{kind}"},
        "summary": place,
        "bindings": {"amqp": {"ack": action == "receive", "deliveryMode": 2, "mandatory": True}},
    }


def _message(kind: str) -> dict[str, Any]:
    """Describe a message.

    Its AMQP properties: message id = manifest's id, correlation id = request's id, type = kind,
    app id = service and version.
    """
    return {
        "name": kind,
        "summary": (KINDS[kind].__doc__ or "").strip(),
        "contentType": "application/json",
        "payload": {"$ref": f"{kind}.json"},
        "correlationId": {
            "location": "$message.header#/correlation_id",
            "description": "id of the request",
        },
    }
