"""The topology in the repository is the one the services have."""

import json

from foa.bus.topology import topology
from foa.service.embedded import installed_services


def test_the_topology_in_the_repository_is_current(repository, golden):
    declared = topology({service.name: service.consumes for service in installed_services()})
    golden(repository / "deploy/rabbitmq/topology.json", json.dumps(declared, indent=1, sort_keys=True) + "\n")
