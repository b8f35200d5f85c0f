"""Sends random values through a function `echo` at RabbitMQ and compares them in Python. Each value
must come back equal, with the same types at every level."""
import argparse
import asyncio
import os
import pathlib
import random
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int, help="how many values")
    parser.add_argument("seed", nargs="?", type=int, help="replays a run")
    return parser.parse_args()


options = arguments()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry
from patio_rabbitmq import RabbitMQBroker
from random_values import make, same


async def main():
    count, seed = options.count, options.seed
    if seed is None:
        seed = int(os.environ.get("PATIO_TEST_SEED") or 0) or random.SystemRandom().getrandbits(32)
    print("seed", seed, flush=True)
    r = random.Random(seed)
    values = [make(r, 4) for _ in range(count)]
    executor = NullExecutor(Registry(project="random"), max_workers=16)
    async with executor, RabbitMQBroker(executor, amqp_url=options.url) as broker:
        for begin in range(0, count, 100):
            part = values[begin:begin + 100]
            calls = asyncio.gather(*[broker.call("echo", v) for v in part])
            for sent, back in zip(part, await asyncio.wait_for(calls, 60)):
                assert same(sent, back), (seed, sent, back)
    print(count, "values came back equal", flush=True)


asyncio.run(main())
