"""A Python patio client that calls the C++ actor of service_actor.cpp."""
import argparse
import asyncio

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("address", metavar="HOST:PORT")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry, TCPClientBroker


async def main(host, port):
    async with NullExecutor(Registry()) as executor, TCPClientBroker(executor) as broker:
        await broker.connect(host, int(port))
        print(await broker.call("kv.put", "answer", 42))
        print(await broker.call("kv.get", "answer"))
        try:
            await broker.call("kv.get", "question")
        except KeyError as e:
            print("KeyError", e)
        try:
            await broker.call("kv.put", "answer", "not a number")
        except TypeError as e:
            print("TypeError:", e)


asyncio.run(main(*options.address.rsplit(":", 1)))
