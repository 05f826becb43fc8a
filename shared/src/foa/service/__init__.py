"""The service loop, and what a service has to say of itself."""

from foa.service.entry import run_service
from foa.service.loop import ServiceLoop, attempt_of
from foa.service.model import Service

__all__ = ["Service", "ServiceLoop", "attempt_of", "run_service"]
