"""Sends random values through a C++ node's `echo` and compares them in Python. Each value must come
back equal, with the same types at every level."""
import argparse
import asyncio
import os
import random


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int, help="how many values")
    parser.add_argument("seed", nargs="?", type=int, help="replays a run")
    return parser.parse_args()


options = arguments()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry, TCPClientBroker
from random_values import make, same


async def main():
    count, seed = options.count, options.seed
    if seed is None:
        seed = int(os.environ.get("PATIO_TEST_SEED") or 0) or random.SystemRandom().getrandbits(32)
    print("seed", seed, flush=True)
    r = random.Random(seed)
    values = [make(r, 4) for _ in range(count)]
    executor = NullExecutor(Registry(project="random"), max_workers=16)
    async with executor, TCPClientBroker(executor) as broker:
        await asyncio.wait_for(broker.connect(options.host, options.port), 20)
        for begin in range(0, count, 100):
            part = values[begin:begin + 100]
            calls = asyncio.gather(*[broker.call("echo", v) for v in part])
            for sent, back in zip(part, await asyncio.wait_for(calls, 60)):
                assert same(sent, back), (seed, sent, back)
    print(count, "values came back equal", flush=True)


asyncio.run(main())
