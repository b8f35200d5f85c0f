"""Sends random values over a real Redis through the `echo` of a C++ server, and compares them. Each
value must come back equal, with the same types at every level."""
import argparse
import asyncio
import os
import pathlib
import random
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
parser.add_argument("count", type=int, help="how many values")
parser.add_argument("seed", nargs="?", type=int, help="replays a run")
options = parser.parse_args()

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "interop"))
from random_values import make, same
from redis_peers import cpp_server, python_caller, serving


async def main():
    count, seed = options.count, options.seed
    if seed is None:
        seed = int(os.environ.get("PATIO_TEST_SEED") or 0) or random.SystemRandom().getrandbits(32)
    print("seed", seed, flush=True)
    r = random.Random(seed)
    with serving(cpp_server(options.patio)):
        async with python_caller() as broker:
            for begin in range(0, count, 100):
                part = [make(r, 4) for _ in range(min(100, count - begin))]
                calls = asyncio.gather(*[broker.call("echo", v, timeout=60) for v in part])
                for sent, back in zip(part, await asyncio.wait_for(calls, 60)):
                    assert same(sent, back), (seed, sent, back)
    print(count, "values came back equal", flush=True)


asyncio.run(main())
