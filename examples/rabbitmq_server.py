"""Serves a function at RabbitMQ, with patio-rabbitmq from PyPI."""
import argparse
import asyncio

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("url", help="of RabbitMQ")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, Registry
from patio_rabbitmq import RabbitMQBroker

rpc = Registry(auto_naming=False)


@rpc("mul")
async def multiply(a, b):
    return a * b


async def main():
    async with AsyncExecutor(rpc) as executor:
        async with RabbitMQBroker(executor, amqp_url=options.url):
            print("serving", flush=True)
            await asyncio.Event().wait()


asyncio.run(main())
