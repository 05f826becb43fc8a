"""Users and rights at the broker: one user per service, passwords made once and never printed."""

import base64
import hashlib
import json
import re

import pytest

from foa.bus.rabbitmq.definitions import ADMINISTRATOR, OPERATOR, make_definitions
from foa.pipeline import publishers
from foa_stage.manifests import KINDS, SAID, kind_of


@pytest.fixture
def passwords(tmp_path):
    return tmp_path / "passwords"


@pytest.fixture
def definitions(passwords):
    return make_definitions("foa", publishers(), passwords)


def test_every_service_operator_and_administrator_have_a_user_and_rights(definitions):
    users = {ADMINISTRATOR, OPERATOR, *publishers()}
    assert {user["name"] for user in definitions["users"]} == users
    assert {right["user"] for right in definitions["permissions"]} == users
    assert {right["user"] for right in definitions["topic_permissions"]} == users - {ADMINISTRATOR}


def test_passwords_are_salted_hashes_of_files_that_only_their_owner_reads(definitions, passwords):
    for user in definitions["users"]:
        path = passwords / user["name"]
        assert path.stat().st_mode & 0o777 == 0o600
        decoded = base64.b64decode(user["password_hash"])
        salt, hashed = decoded[:4], decoded[4:]
        assert hashlib.sha256(salt + path.read_text().encode()).digest() == hashed
        assert path.read_text() not in json.dumps(definitions)


def test_a_password_that_is_there_is_kept(definitions, passwords):
    before = {path.name: path.read_text() for path in passwords.iterdir()}
    make_definitions("foa", publishers(), passwords)
    assert {path.name: path.read_text() for path in passwords.iterdir()} == before


def test_the_operator_may_say_what_people_say_and_nothing_else(definitions):
    (right,) = [one for one in definitions["topic_permissions"] if one["user"] == OPERATOR]
    may_say = {kind for kind in KINDS if re.fullmatch(right["write"], kind)}
    assert may_say == set(map(kind_of, SAID))
    assert {"request.submitted", "request.cancelled", "service.held"} <= may_say
    (plain,) = [one for one in definitions["permissions"] if one["user"] == OPERATOR]
    assert (plain["configure"], plain["read"]) == ("^$", "^$")
