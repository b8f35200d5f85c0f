"""The functions of redis_server.cpp in Python, with patio-redis from PyPI."""
import argparse
import asyncio
import os

argparse.ArgumentParser(description=__doc__).parse_args()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, Registry
from patio_redis import RedisBroker

rpc = Registry(project="shop", auto_naming=False)


@rpc("mul")
async def mul(a, b):
    return a * b


async def main(url):
    async with AsyncExecutor(rpc, max_workers=4) as executor:
        async with RedisBroker(executor, url=url) as broker:
            print("connected", flush=True)
            await broker.join()


asyncio.run(main(os.environ["PATIO_BROKER_URL"]))
