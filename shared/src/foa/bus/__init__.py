"""The bus: brings every manifest to the services that consume its kind."""

from foa.bus.memory import MemoryBus
from foa.bus.model import Bus, Delivered

__all__ = ["Bus", "Delivered", "MemoryBus"]
