"""The bus: brings every manifest to the services that consume its kind."""

from foa.bus.memory import MemoryBus
from foa.bus.model import Bus

__all__ = ["Bus", "MemoryBus"]
