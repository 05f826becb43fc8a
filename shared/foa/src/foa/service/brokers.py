"""The broker of a site, with the queues that the installed services need."""

from foa.bus.rabbitmq import RabbitBroker
from foa.errors import FoaError
from foa.pipeline import consumers, unconsumed_kinds
from foa.site import Site


def broker_of(site: Site) -> RabbitBroker:
    """Return the broker of a site.

    Raises
    ------
    FoaError
        If the site names none.
    """
    if site.broker is None:
        raise FoaError(f"site {site.name} names no broker: `foa run` needs none, a daemon does")
    return RabbitBroker(site.broker, consumers(), unconsumed_kinds())
