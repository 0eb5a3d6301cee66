"""A TCP proxy that cuts connections: after the server has done what it was asked, and before its answer arrives."""

import asyncio
import random
from contextlib import asynccontextmanager, suppress


class CuttingProxy:
    """Cuts a `share` of the answers; `cuts` is how many it has cut."""

    def __init__(self, to_port, share, seed):
        self.share, self.cuts = share, 0
        self._to_port, self._random = to_port, random.Random(seed)  # noqa: S311 - a test can be repeated
        self._serving = set()
        self._writers = set()

    async def serve(self, reader, writer):
        self._serving.add(asyncio.current_task())
        self._writers.add(writer)
        with suppress(ConnectionError):
            await self._pass_both(reader, writer)
        writer.transport.abort()
        self._writers.discard(writer)
        self._serving.discard(asyncio.current_task())

    async def _pass_both(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers.add(to_writer)
        asking = asyncio.create_task(self._pass_on(reader, to_writer))
        try:
            while answer := await to_reader.read(65_536):
                if self._random.random() < self.share:
                    self.cuts += 1
                    break
                writer.write(answer)
                await writer.drain()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            to_writer.transport.abort()
            self._writers.discard(to_writer)

    async def _pass_on(self, reader, writer):
        while asked := await reader.read(65_536):
            writer.write(asked)
            await writer.drain()
        writer.write_eof()

    async def close(self):
        """Cut everything."""
        for writer in self._writers:
            writer.transport.abort()
        while self._serving:
            await asyncio.wait(self._serving)


@asynccontextmanager
async def cutting_proxy(to_port, share, seed=7, tls=None):
    """The proxy, and the port that it listens on; with `tls`, a server's context, it takes TLS."""
    proxy = CuttingProxy(to_port, share, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield proxy, server.sockets[0].getsockname()[1]
        server.close()
        await proxy.close()
