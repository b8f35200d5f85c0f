"""Calls the function of redis_server.cpp through Redis, with patio-redis from PyPI. The environment
variable PATIO_BROKER_URL holds the URL."""
import argparse
import asyncio
import os

argparse.ArgumentParser(description=__doc__).parse_args()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry
from patio_redis import RedisBroker


async def main(url):
    async with NullExecutor(Registry(project="shop")) as executor:
        async with RedisBroker(executor, url=url) as broker:
            print("6 times 7 is", await broker.call("mul", 6, 7, timeout=10))


asyncio.run(main(os.environ["PATIO_BROKER_URL"]))
