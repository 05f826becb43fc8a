"""The bus: brings every manifest to the services that consume its kind."""

from foa.bus.handlings import Handlings
from foa.bus.memory import MemoryBroker, MemoryBus
from foa.bus.port import Administration, Bus, BusAway, Delivered, Parked

__all__ = [
    "Administration",
    "Bus",
    "BusAway",
    "Delivered",
    "Handlings",
    "MemoryBroker",
    "MemoryBus",
    "Parked",
]
