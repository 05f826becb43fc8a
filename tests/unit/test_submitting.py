"""What the broker took of several messages is told apart from the rest."""

import pytest

from foa.bus import BusAway, MemoryBroker
from foa.cli import submitting
from foa.errors import Unavailable
from foa.pipeline import consumers
from foa.site import read_site
from foa_stage.manifests import RequestSubmitted, ServiceHeld, Target
from foa_testing.fakes import factories, stub_site

SAID = factories.request_submitted().said


class FillingBroker(MemoryBroker):
    """A broker that confirms so many messages and then is away."""

    def __init__(self, takes):
        super().__init__(consumers())
        self.takes = takes

    def connect(self, service, version):
        bus = super().connect(service)
        publish_all = bus.publish_all

        def publish_some(manifests, safe):
            publish_all(manifests[: self.takes], safe)
            if len(manifests) > self.takes:
                raise BusAway("no space")

        bus.publish_all = publish_some
        return bus


@pytest.fixture
def site(tmp_path):
    return read_site(stub_site.make_unreachable_site(tmp_path))


@pytest.fixture
def publish(site, monkeypatch):
    """Hand messages to a broker that takes some; returns what was said of the others."""

    def run(messages, takes):
        monkeypatch.setattr(submitting, "broker_of", lambda site: FillingBroker(takes))
        with pytest.raises(Unavailable) as error:
            submitting.publish(site, messages)
        return str(error.value)

    return run


def submitted(name):
    request = factories.make_request(Target(name=name, ra=1, dec=2))
    return RequestSubmitted(request=request, inputs="0", said=SAID)


def test_of_several_requests_those_that_were_submitted_are_told_from_the_others(publish):
    messages = [submitted(name) for name in ("one", "two", "three")]
    one, two, three = (message.request.id for message in messages)
    assert publish(messages, 1) == f"submitted: {one}; not submitted: {two}, {three}: no space"
    assert publish(messages, 0) == f"not submitted: {one}, {two}, {three}: no space"


def test_a_word_on_a_service_that_the_broker_does_not_take_is_named(publish):
    held = ServiceHeld(service="analyzer", held=True, said=SAID)
    assert publish([held], 0) == "not submitted: service.held: no space"
