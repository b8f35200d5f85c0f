"""Python patio 0.1.4 on both sides. The argument "s" serves with an AsyncExecutor, and "p" with a
ThreadPoolExecutor."""
import argparse
import asyncio
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("role", choices=("s", "p", "c"))
parser.add_argument("port", type=int)
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import (AsyncExecutor, NullExecutor, Registry, TCPClientBroker, TCPServerBroker,
                   ThreadPoolExecutor)


def product(*args):
    r = 1
    for x in args:
        r *= x
    return r


async def product_async(*args):
    return product(*args)


async def serve(port, pool):
    rpc = Registry(project="bench", auto_naming=False)
    rpc["mul"] = product if pool else product_async
    kind, workers = (ThreadPoolExecutor, 4) if pool else (AsyncExecutor, 16)
    async with kind(rpc, max_workers=workers) as executor, TCPServerBroker(executor) as broker:
        await broker.listen("127.0.0.1", port)
        await broker.join()


async def call(port):
    rpc = Registry(project="bench", auto_naming=False)
    async with NullExecutor(rpc, max_workers=16) as executor:
        async with TCPClientBroker(executor) as broker:
            await asyncio.wait_for(broker.connect("127.0.0.1", port), 10)
            for in_flight, calls in ((1, 5000), (64, 10000), (1024, 10000)):
                left = iter(range(calls))

                async def chain():
                    for _ in left:
                        assert await broker.call("mul", 3, 4) == 12

                start = time.perf_counter()
                await asyncio.gather(*[chain() for _ in range(in_flight)])
                print("python", in_flight, round(calls / (time.perf_counter() - start)), flush=True)


if options.role == "c":
    asyncio.run(call(options.port))
else:
    asyncio.run(serve(options.port, options.role == "p"))
