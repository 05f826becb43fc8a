"""A source as a daemon says whether it works."""

import threading

import pytest
from prometheus_client import CollectorRegistry

from foa.pipeline import Source
from foa.service.source import SourceDaemon
from foa_testing.fakes import stub_site


@pytest.fixture
def site(tmp_path):
    """A site with a broker that does not run."""
    path = stub_site.make_unreachable_site(tmp_path)
    (tmp_path / "alerts").write_text("secret")
    return path


def test_a_source_lives_while_it_looks_after_the_brokers_connection(site):
    said = []

    def watch(site_file, publish, stopping):
        said.extend((probes["/live"](), probes["/ready"]()))

    source = Source(name="alerts", title="", watch=watch)
    daemon = SourceDaemon(source, site, CollectorRegistry())
    probes = daemon.probes
    daemon.run(threading.Event(), "127.0.0.1:0")
    assert said == ["", "the broker is away"]
    assert probes["/live"]() == "the thread of the broker's connection ended, or is stuck"
