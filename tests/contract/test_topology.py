"""The topology in the repository is the one the services have."""

import json

from foa.bus.rabbitmq.topology import topology
from foa.pipeline import consumers, unconsumed_kinds


def test_the_topology_in_the_repository_is_current(repository, golden):
    declared = topology(consumers(), unconsumed_kinds())
    text = json.dumps(declared, indent=1, sort_keys=True) + "\n"
    golden(repository / "deploy/rabbitmq/topology.json", text)
