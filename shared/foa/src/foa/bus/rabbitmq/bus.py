"""A connection to RabbitMQ. Only its I/O thread touches it; handlers run on the caller's thread."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from foa.bus.port import BusAway, Delivered, Handler, Outcome
from foa.bus.rabbitmq import topology
from foa.bus.rabbitmq.address import BrokerAddress
from foa.bus.rabbitmq.delivery import ATTEMPTS, REASON, SENT_MS, Delivery
from foa.bus.rabbitmq.parameters import parameters_of
from foa.bus.retries import RETRY_DELAYS_S, delay_after
from foa_stage.manifests import Manifest, ManifestRejected, read_manifest, write_manifest

MAX_BYTES = 1 << 20
PREFETCH = 20
CONFIRM_TIMEOUT_S = 30.0
FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0


class RabbitBus:
    """One service's connection to the broker."""

    def __init__(
        self,
        address: BrokerAddress,
        service: str,
        version: str,
        observe: Callable[[Delivered], None] = lambda delivered: None,
        retry_delays_s: Sequence[int] = RETRY_DELAYS_S,
    ) -> None:
        self._address, self._service, self._version = address, service, version
        self._observe, self._retry_delays_s = observe, retry_delays_s
        self._handler: Handler | None = None
        self._inbox: queue.Queue[Delivery] = queue.Queue()
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._generation = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rabbitmq", daemon=True)
        self._log = structlog.get_logger(service=service)

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every manifest of the service's queue."""
        self._handler = handler

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
        return self._channel is not None

    @property
    def connections(self) -> int:
        """Count how often the broker was reached."""
        return self._generation

    def publish(self, manifest: Manifest) -> None:
        """Publish a manifest, and wait until the broker has it safe.

        Raises
        ------
        BusAway
            If it does not confirm.
        """
        properties = self._describe(manifest)
        body = write_manifest(manifest)
        self._on_io_thread(
            lambda channel: _send(channel, topology.EXCHANGE, manifest.kind, body, properties)
        )

    def _describe(self, manifest: Manifest) -> pika.BasicProperties:
        return pika.BasicProperties(
            message_id=manifest.id,
            type=manifest.kind,
            correlation_id=manifest.request.id,
            timestamp=int(time.time()),
            app_id=f"{self._service} {self._version}",
            content_type="application/json",
            delivery_mode=2,
            headers={SENT_MS: int(1000 * time.time())},
        )

    def deliver(self, timeout_s: float) -> bool:
        """Handle one message if one arrives in time; tell whether there was one.

        What is no manifest is parked at once; a handler that fails gets the message again, later
        and later, until it is parked too.
        """
        try:
            delivery = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return False
        begun = time.time()
        outcome = self._handle(delivery)
        self._acknowledge(delivery)
        self._observe(Delivered(outcome, max(begun - delivery.sent, 0.0), time.time() - begun))
        return True

    def _handle(self, delivery: Delivery) -> Outcome:
        try:
            if len(delivery.body) > MAX_BYTES:
                # a manifest has a few kB
                raise ManifestRejected(f"{len(delivery.body)} bytes, more than {MAX_BYTES}")
            assert self._handler is not None
            self._handler(read_manifest(delivery.body))
        except ManifestRejected as error:
            return self._park(delivery, str(error))
        except Exception as error:
            self._log.warning("handler failed", attempts=delivery.attempts + 1, exc_info=True)
            return self._postpone(delivery, _spell(error))
        return "handled"

    def _postpone(self, delivery: Delivery, reason: str) -> Outcome:
        delay = delay_after(delivery.attempts + 1, self._retry_delays_s)
        if delay is None:
            return self._park(delivery, reason)
        waiting = topology.retry_queue_of(self._service, delay)
        headers: dict[str, Any] = {ATTEMPTS: delivery.attempts + 1, REASON: reason}
        properties = pika.BasicProperties(headers=headers, delivery_mode=2)
        self._on_io_thread(lambda channel: _send(channel, "", waiting, delivery.body, properties))
        return "postponed"

    def _park(self, delivery: Delivery, reason: str) -> Outcome:
        self._log.error("parked", reason=reason)
        properties = pika.BasicProperties(headers={REASON: reason[:2000]}, delivery_mode=2)
        key = topology.queue_of(self._service)
        self._on_io_thread(
            lambda channel: _send(channel, topology.PARKING, key, delivery.body, properties)
        )
        return "parked"

    def _acknowledge(self, delivery: Delivery) -> None:
        def acknowledge(channel: BlockingChannel) -> None:
            if delivery.generation == self._generation:
                channel.basic_ack(delivery.tag)

        self._on_io_thread(acknowledge)

    def _on_io_thread(self, action: Callable[[BlockingChannel], None]) -> None:
        """Do something with the channel on the I/O thread, and wait for its end."""
        connection, channel = self._connection, self._channel
        if connection is None or channel is None:
            where = f"{self._address.host}:{self._address.port}"
            raise BusAway(f"no connection to the broker at {where}")
        done: Future[None] = Future()

        def attempt() -> None:
            try:
                action(channel)
                done.set_result(None)
            except Exception as error:
                done.set_exception(error)

        try:
            connection.add_callback_threadsafe(attempt)
            done.result(timeout=CONFIRM_TIMEOUT_S)
        except (AMQPError, TimeoutError) as error:
            raise BusAway(f"the broker did not confirm: {_spell(error)}") from error

    def _run(self) -> None:
        """Connect, serve the connection until it breaks, pause longer and longer, connect again."""
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                self._connect()
                pause = FIRST_PAUSE_S
                self._serve()
            except (AMQPError, OSError) as error:
                self._log.warning("broker away", error=_spell(error), pause_s=pause)
            except Exception:  # without this thread nothing is ever consumed again
                self._log.exception("connection broke", pause_s=pause)
            self._disconnect()
            self._stopping.wait(pause)
            pause = min(2 * pause, LAST_PAUSE_S)

    def _serve(self) -> None:
        """Serve the connection until it breaks or this is stopped."""
        while not self._stopping.is_set() and self._channel and self._channel.is_open:
            assert self._connection is not None
            self._connection.process_data_events(time_limit=0.2)

    def _connect(self) -> None:
        self._connection = pika.BlockingConnection(parameters_of(self._address))
        channel = self._connection.channel()
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=PREFETCH)
        self._generation += 1
        if self._handler:
            name = topology.queue_of(self._service)
            channel.queue_declare(name, passive=True)
            channel.basic_consume(name, self._receive)
        self._channel = channel

    def _receive(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        delivery = Delivery.received(self._generation, method, properties, body)
        self._inbox.put(delivery)

    def _disconnect(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        with contextlib.suppress(AMQPError):
            if connection and connection.is_open:
                connection.close()


def _spell(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _send(
    channel: BlockingChannel, exchange: str, key: str, body: bytes, properties: pika.BasicProperties
) -> None:
    """Publish with confirmation; an unroutable message is an error."""
    channel.basic_publish(exchange, key, body, properties, mandatory=True)
