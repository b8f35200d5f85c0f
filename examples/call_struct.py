"""Calls the function of struct_server with a dict."""
import argparse
import asyncio

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("address", metavar="HOST:PORT")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry, TCPClientBroker


async def main(host, port):
    async with NullExecutor(Registry()) as executor:
        async with TCPClientBroker(executor, key=b"secret") as broker:
            await broker.connect(host, int(port))
            print(await broker.call("mirror", {"x": 1.0, "y": 2.0}))


asyncio.run(main(*options.address.rsplit(":", 1)))
