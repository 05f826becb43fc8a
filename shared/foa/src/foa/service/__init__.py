"""Driving services: the loop of messages, the life of work, the daemon around them."""

from foa.service.loop import ServiceLoop

__all__ = ["ServiceLoop"]
