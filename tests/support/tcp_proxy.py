"""A TCP proxy that cuts a connection after so many bytes from the client, for servers that are lost in the middle of something."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager


class TcpProxy:
    """Passes everything on until `cut_after` bytes have come from clients; then `cut` is called and the connections are gone."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.sent = 0
        self.cut_after: int | None = None
        self.cut: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._clients:
                writer.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader, writer) -> None:
        self._tasks.add(task := asyncio.current_task())
        task.add_done_callback(self._tasks.discard)
        self._clients.add(writer)
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
        back = asyncio.create_task(self._pump(upstream_reader, writer))
        try:
            while data := await reader.read(4096):
                room = len(data) if self.cut_after is None else self.cut_after - self.sent
                upstream_writer.write(data[: max(room, 0)])
                await upstream_writer.drain()
                self.sent += len(data)
                if room < len(data):
                    if self.cut is not None:
                        await self.cut()
                    break
        except ConnectionError:
            pass
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for each in (upstream_writer, writer):
                each.transport.abort()
            self._clients.discard(writer)

    @staticmethod
    async def _pump(reader, writer) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
