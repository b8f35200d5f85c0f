import asyncio
import sys

from patio import NullExecutor, Registry, TCPClientBroker


async def main(host, port):
    async with NullExecutor(Registry()) as executor:
        async with TCPClientBroker(executor, key=b"secret") as broker:
            await broker.connect(host, int(port))
            print(await broker.call("add", 6, 7))


asyncio.run(main(*sys.argv[1].split(":")))
