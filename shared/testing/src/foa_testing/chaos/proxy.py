"""A network that can go away: a server's second port, through which its clients reach it."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

CHUNK_BYTES = 1 << 16
TIMEOUT_S = 10.0


class Proxy:
    """Passes connections to a port of this host on to another one.

    Parameters
    ----------
    port
        Where clients connect.
    behind
        Port of the server.
    """

    def __init__(self, port: int, behind: int) -> None:
        self.port, self.behind = port, behind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def start(self) -> None:
        """Take connections from now on."""
        self._thread.start()
        self.restore()

    def stop(self) -> None:
        """Take no connections any more, and never again."""
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()

    def refuse(self) -> None:
        """Cut all connections, and take no others."""
        self._await(self._close())

    def fall_silent(self) -> None:
        """Keep connections, and take others, but pass nothing on until restored."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def restore(self) -> None:
        """Pass everything on, from now on."""
        self._await(self._open())

    def _await(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    async def _open(self) -> None:
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        await self._close()
        self._flowing.set()
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Pass on one connection in both directions until either end closes it."""
        self._writers.add(back)
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self.behind)
        except OSError:
            self._drop(back)
            return
        self._writers.add(forth)
        await asyncio.gather(self._pass_on(near, forth), self._pass_on(far, back))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._drop(writer)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
