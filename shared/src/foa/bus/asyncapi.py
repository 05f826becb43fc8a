"""The messages as an AsyncAPI document: who says what, who hears it, and how it travels."""

from collections.abc import Mapping
from typing import Any, get_args

from foa.bus.topology import EXCHANGE, queue_of
from foa.manifests import Manifest
from foa.manifests.kinds import SCHEMA_VERSION

MODELS = {model.model_fields["kind"].default: model for model in get_args(Manifest)}
Kinds = tuple[str, ...]


def describe(services: Mapping[str, tuple[Kinds, Kinds]]) -> dict[str, Any]:
    """AsyncAPI 3.0 of services by the kinds each consumes and announces; payloads are the JSON Schemas beside it."""
    operations: dict[str, Any] = {}
    for service, (consumes, announces) in services.items():
        operations |= {f"{service} hears {kind}": _operation("receive", kind, service) for kind in consumes}
        operations |= {f"{service} says {kind}": _operation("send", kind, service) for kind in announces}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "LST-1 Fast Offline Analysis", "version": str(SCHEMA_VERSION),
            "description": "Manifests over RabbitMQ: one topic exchange, a quorum queue per service, routed by kind.",
        },
        "defaultContentType": "application/json",
        "channels": {kind: _channel(kind) for kind in MODELS},
        "operations": operations,
        "components": {"messages": {kind: _message(kind) for kind in MODELS}},
    }  # fmt: skip


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
    """AMQP properties: message id = manifest id, correlation id = request, type = kind, app id = service, version."""
    return {
        "name": kind,
        "summary": (MODELS[kind].__doc__ or "").strip(),
        "contentType": "application/json",
        "payload": {"$ref": f"{kind}.json"},
        "correlationId": {"location": "$message.header#/correlation_id", "description": "id of the request"},
    }
