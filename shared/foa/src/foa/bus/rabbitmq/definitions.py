"""Virtual host, users and rights at the broker, in the form RabbitMQ imports.

`foa bus apply` declares the rest.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foa.bus.rabbitmq.topology import EXCHANGE, permissions, topic_permissions
from foa_stage.manifests import SAID, kind_of

ADMINISTRATOR, OPERATOR = "admin", "operator"
"""Users besides the services: one declares and looks into parking queues, one submits."""
SAID_KINDS = tuple(map(kind_of, SAID))
"""Kinds the operator may publish."""
ALGORITHM = "rabbit_password_hashing_sha256"


def make_definitions(
    vhost: str, said: Mapping[str, Iterable[str]], passwords: Path
) -> dict[str, Any]:
    """Make definitions with salted hashes of the passwords.

    Parameters
    ----------
    said
        Kinds that each service with a user may publish: none for some.
    passwords
        Directory with a file per user; missing ones are made.
    """
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    submitting = {"configure": "^$", "write": f"^{EXCHANGE}$", "read": "^$"}
    rights = {ADMINISTRATOR: everything, OPERATOR: submitting}
    rights |= {service: permissions(service) for service in said}
    topics = {OPERATOR: SAID_KINDS, **said}
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(user, _password(passwords / user)) for user in rights],
        "permissions": [{"user": user, "vhost": vhost, **right} for user, right in rights.items()],
        "topic_permissions": [
            {"user": user, "vhost": vhost, **topic_permissions(kinds)}
            for user, kinds in topics.items()
        ],
    }


def _password(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text().strip()


def _user(name: str, password: str) -> dict[str, str]:
    salt = os.urandom(4)
    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {
        "name": name,
        "password_hash": hashed,
        "hashing_algorithm": ALGORITHM,
        "tags": "administrator" if name == ADMINISTRATOR else "",
    }
