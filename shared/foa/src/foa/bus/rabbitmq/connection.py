"""A connection to RabbitMQ that stays: a thread of its own keeps it up, and alone touches pika."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from foa.bus.port import BusAway
from foa.bus.rabbitmq.address import BrokerAddress
from foa.bus.rabbitmq.messages import Delivery, Outgoing
from foa.bus.rabbitmq.parameters import BROKER_ERRORS, open_connection, spell

PREFETCH = 20
CONFIRM_TIMEOUT_S = 30.0
FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0
SILENT_S = 120.0
"""A turn that takes longer is stuck: a dead connection is noticed within two heartbeats."""


@dataclass(frozen=True)
class _Link:
    """One connection, with a channel for deliveries and one for publications in transactions."""

    connection: pika.BlockingConnection
    consuming: BlockingChannel
    publishing: BlockingChannel


class Connection:
    """Connects again and again; what is published or acknowledged passes to its thread."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._queue = ""
        self._receive: Callable[[Delivery], None] = lambda delivery: None
        self._link: _Link | None = None
        self._returned: list[str | None] = []
        self.connections = 0
        """How often the broker was reached: the number of the connection, from 1."""
        self._sending, self._stopping = threading.Lock(), threading.Event()
        self._turned, self._pause_s = time.monotonic(), FIRST_PAUSE_S
        self._thread = threading.Thread(target=self._run, name="rabbitmq", daemon=True)
        self._log = structlog.get_logger(user=address.user)

    def consume(self, queue: str, receive: Callable[[Delivery], None]) -> None:
        """Call `receive`, on the connection's thread, with every message; call before `start`."""
        self._queue, self._receive = queue, receive

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()

    def stop(self) -> None:
        """Leave; deliveries that are not acknowledged come back to somebody else."""
        self._stopping.set()
        self._thread.join(timeout=10)

    @property
    def connected(self) -> bool:
        """Tell whether the broker is there now."""
        return self._link is not None

    @property
    def alive(self) -> bool:
        """Tell whether the thread runs, and is not stuck; connecting in vain it is alive."""
        silent = time.monotonic() - self._turned
        return self._thread.is_alive() and silent < SILENT_S

    def send(self, messages: Sequence[Outgoing]) -> list[str | None]:
        """Publish messages in one transaction, and wait until the broker has them safe.

        Returns
        -------
        list
            Ids of the messages that no queue takes: they are not safe.

        Raises
        ------
        BusAway
            If the broker does not confirm; any of the messages may be safe or not.
        """
        with self._sending:
            self._call(lambda link: self._commit(link, messages))
            # pika hands over what was returned after the call above and before this one
            self._call(lambda link: None)
            return self._returned

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that a message needs not come again."""

        def acknowledge(link: _Link) -> None:
            if delivery.connection == self.connections:
                link.consuming.basic_ack(delivery.tag)

        self._call(acknowledge)

    def _commit(self, link: _Link, messages: Sequence[Outgoing]) -> None:
        self._returned = []
        for one in messages:
            link.publishing.basic_publish(
                one.exchange, one.key, one.body, one.properties, mandatory=True
            )
        link.publishing.tx_commit()

    def _call(self, action: Callable[[_Link], None]) -> None:
        """Do something on the connection's thread, and wait for its end."""
        link = self._link
        if link is None:
            where = f"{self._address.host}:{self._address.port}"
            raise BusAway(f"no connection to the broker at {where}")
        done: Future[None] = Future()

        def attempt() -> None:
            try:
                action(link)
                done.set_result(None)
            except Exception as error:
                done.set_exception(error)

        try:
            link.connection.add_callback_threadsafe(attempt)
            done.result(timeout=CONFIRM_TIMEOUT_S)
        except (AMQPError, TimeoutError) as error:
            raise BusAway(f"the broker did not confirm: {spell(error)}") from error

    def _run(self) -> None:
        """Connect, serve the connection until it breaks, pause longer and longer, connect again."""
        while not self._stopping.is_set():
            self._turned = time.monotonic()
            try:
                self._stay()
            except BROKER_ERRORS as error:
                self._log.warning("broker away", error=spell(error), pause_s=self._pause_s)
            except Exception:  # without this thread nothing is ever consumed again
                self._log.exception("connection broke", pause_s=self._pause_s)
            self._stopping.wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)

    def _stay(self) -> None:
        """Connect, and serve the connection until it breaks or this is stopped."""
        with open_connection(self._address) as connection:
            try:
                self._link = link = self._open(connection)
                self._pause_s = FIRST_PAUSE_S
                while not self._stopping.is_set() and self._is_whole(link):
                    connection.process_data_events(time_limit=0.2)
                    self._turned = time.monotonic()
            finally:
                self._link = None

    def _open(self, connection: pika.BlockingConnection) -> _Link:
        consuming, publishing = connection.channel(), connection.channel()
        publishing.tx_select()
        publishing.add_on_return_callback(
            lambda channel, method, properties, body: self._returned.append(properties.message_id)
        )
        consuming.basic_qos(prefetch_count=PREFETCH)
        self.connections += 1
        if self._queue:
            consuming.queue_declare(self._queue, passive=True)
            consuming.basic_consume(self._queue, self._on_message)
        return _Link(connection, consuming, publishing)

    def _is_whole(self, link: _Link) -> bool:
        """Tell whether all is open; the broker cancels the consumer if its queue is deleted."""
        is_open = link.consuming.is_open and link.publishing.is_open
        return is_open and (not self._queue or bool(link.consuming.consumer_tags))

    def _on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._receive(Delivery.received(self.connections, method, properties, body))
