"""A Python patio server. C++ nodes call it as they call each other: tcp_client HOST:PORT."""
import argparse
import asyncio

argparse.ArgumentParser(description=__doc__).parse_args()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, Registry, TCPServerBroker

rpc = Registry(project="test", auto_naming=False)


@rpc("mul")
async def multiply(a, b):
    return a * b


async def main():
    async with AsyncExecutor(rpc) as executor, TCPServerBroker(executor) as broker:
        await broker.listen("127.0.0.1", 0)
        server, = broker.servers
        print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
        await broker.join()


asyncio.run(main())
