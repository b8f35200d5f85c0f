"""Calls a function at RabbitMQ, with patio-rabbitmq from PyPI."""
import argparse
import asyncio

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("url", help="of RabbitMQ")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry
from patio_rabbitmq import RabbitMQBroker


async def main():
    async with NullExecutor(Registry()) as executor:
        async with RabbitMQBroker(executor, amqp_url=options.url) as broker:
            print(await broker.call("mul", 6, 7, timeout=10))


asyncio.run(main())
