"""A peer at RabbitMQ with Python's patio-rabbitmq 0.1.1. Prints "serving" once it is connected. Then
it reads commands as JSON lines from standard input, and prints one JSON line for each command.

  {"call": name, "args": "(1, 2)", "kwargs": "{}", "timeout": null, "times": 1}
                                    -> ["ok", repr] or ["error", type, repr of the arguments]
  {"put": queue, "body": hex, "reply": true}
                                    -> ["answer", type, hex] or ["sent"]

`times` makes that many calls at once. Their results must be equal, and are printed once. `put`
publishes a message that is no proper call; with `reply` it waits for the answer to it.
"""
import argparse
import ast
import asyncio
import json
import sys


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("prefix", help="of the names of the functions; empty: serves none")
    parser.add_argument("--durable", action="store_true")
    parser.add_argument("--plain", action="store_true", help="serve without a prefix")
    return parser.parse_args()


options = arguments()

# The arguments come first: they need no patio.
import aio_pika
from patio import Registry
from patio.executor import AsyncExecutor
from patio_rabbitmq import RabbitMQBroker

rpc = Registry(auto_naming=False)
started = asyncio.Event()


class HouseError(Exception):
    """An exception class that no other peer knows."""


async def mul(*args):
    product = 1
    for x in args:
        product *= x
    return product


async def echo(*args, **kwargs):
    return args[0] if len(args) == 1 and not kwargs else (args, kwargs)


async def div(a, b):
    return a / b


async def house(text):
    raise HouseError(text, 7)


async def never():
    print(json.dumps(["started"]), flush=True)
    await asyncio.Event().wait()


async def put(command):
    connection = await aio_pika.connect(options.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        message = aio_pika.Message(bytes.fromhex(command["body"]), correlation_id="test")
        if command.get("reply"):
            message.reply_to = queue.name
        await channel.default_exchange.publish(message, command["put"])
        if not command.get("reply"):
            return ["sent"]
        answer = await queue.get(timeout=20, fail=False)
        for _ in range(2000):
            if answer is not None:
                break
            answer = await queue.get(timeout=20, fail=False)
        return ["answer", answer.type, answer.body.hex()]


async def answer(broker, command):
    if "put" in command:
        return await put(command)
    name, timeout = command["call"], command.get("timeout")
    args = ast.literal_eval(command.get("args", "()"))
    kwargs = ast.literal_eval(command.get("kwargs", "{}"))
    calls = [broker.call(name, *args, timeout=timeout, **kwargs)
             for _ in range(command.get("times", 1))]
    try:
        results = await asyncio.gather(*calls)
    except BaseException as e:  # the test must see every exception
        return ["error", type(e).__name__, repr(e.args)]
    assert all(type(r) is type(results[0]) and r == results[0] for r in results)
    return ["ok", repr(results[0])]


async def main():
    if options.prefix or options.plain:
        for function in (mul, echo, div, house, never):
            rpc[options.prefix + function.__name__] = function
    loop = asyncio.get_running_loop()
    settings = {"durable": True} if options.durable else {}
    async with AsyncExecutor(rpc, max_workers=16) as executor:
        async with RabbitMQBroker(executor, amqp_url=options.url, **settings) as broker:
            print("serving", flush=True)
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                print(json.dumps(await answer(broker, json.loads(line))), flush=True)


asyncio.run(main())
