"""The Python peer of chaos.py, with patio-redis or patio-rabbitmq. chaos_peer.cpp lists the
commands it reads and the lines it prints. Each call works as the plugins' READMEs show it."""
import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("server", "caller"))
    parser.add_argument("url")
    parser.add_argument("rest", nargs="+", help="RECORD, or FIRST LAST RATE SEED")
    parsed = parser.parse_args()
    names = ("first", "last", "rate", "seed") if parsed.kind == "caller" else ("record",)
    if len(parsed.rest) != len(names):
        parser.error(f"a {parsed.kind} takes {' '.join(names).upper()}")
    for name, word in zip(names, parsed.rest):
        setattr(parsed, name, word if name == "record" else float(word) if name == "rate"
                else int(word))
    return parsed


options = arguments()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, NullExecutor, Registry

REDIS = options.url.startswith("redis")
PROBE_PATIENCE = 15
TICK = 0.005
logging.disable(logging.CRITICAL)  # lost connections are expected


def say(line):
    os.write(1, (line + "\n").encode())


def broker_at(executor):
    if REDIS:
        from patio_redis import RedisBroker
        return RedisBroker(executor, url=options.url, max_connections=200)
    from patio_rabbitmq import RabbitMQBroker
    return RabbitMQBroker(executor, amqp_url=options.url)


async def pause(seconds):
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except asyncio.TimeoutError:
        pass


async def connected(executor):
    """Returns a broker that is set up. The engine may be down, or its connection may be cut."""
    while True:
        broker = broker_at(executor)
        try:
            await asyncio.wait_for(broker.setup(), 10)
            return broker
        except Exception as e:
            print("set-up:", repr(e), file=sys.stderr)
            await pause(0.1)


async def serve():
    record = os.open(options.record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    rpc = Registry(project="chaos", auto_naming=False)

    async def execute(number, padding, hold=0):
        os.write(record, b"%d\n" % number)
        if hold:
            await pause(hold / 1000)
        return "%d:%s" % (number, padding)

    for name in ("chaos.quick", "chaos.mark", "chaos.hold"):
        rpc[name] = execute
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with AsyncExecutor(rpc, max_workers=16) as executor:
        keep = await connected(executor)
        say("serving")
        await ended.wait()
        os._exit(0 if keep else 1)


def draw(number):
    """Returns the function, arguments and timeout of one call, in the shares of chaos_peer.cpp."""
    rng = random.Random(options.seed * 1_000_003 + number)
    size = rng.randrange(100)
    padding = "x" * rng.randrange(200 if size < 90 else 4000 if size < 99 else 60000)
    kind, more, name = rng.randrange(10), (), "chaos.mark"
    if kind < 3:
        name, more = "chaos.hold", (1 + rng.randrange(40),)
    elif kind < 6:
        name = "chaos.quick"
    short, timeout = rng.randrange(10) == 0, None
    if REDIS or rng.randrange(5) > 0:
        timeout = (50 + rng.randrange(450) if short else 1000 + rng.randrange(3000)) / 1000
    return name, (number, padding, *more), timeout


async def one_call(broker, number):
    name, args, timeout = draw(number)
    say("b %d" % number)
    begin = time.monotonic()
    try:
        answer = await broker.call(name, *args, timeout=timeout)
        ending = "value" if answer == "%d:%s" % args[:2] else "wrong_value"
    except BaseException as e:
        ending = type(e).__name__
    waited = (time.monotonic() - begin) * 1000
    say("e %d %s %d %d" % (number, ending, waited, timeout * 1000 if timeout else -1))


class Load:
    """Begins the calls that are due by the clock, however many calls are open."""

    def __init__(self, broker):
        self.broker, self.open, self.number = broker, set(), options.first
        self.loop, self.due, self.paused = asyncio.get_running_loop(), time.monotonic(), False
        self.tick()

    def pause(self, paused):
        self.paused, self.due = paused, max(self.due, time.monotonic())

    def tick(self):
        while not self.paused and self.number < options.last and self.due <= time.monotonic():
            number, self.due = self.number, self.due + 1 / options.rate
            task = self.loop.create_task(one_call(self.broker, number))
            self.open.add(task)
            task.add_done_callback(self.open.discard)
            self.number = number + 1
        if self.number == options.last:
            say("all begun")
        else:
            self.loop.call_later(TICK, self.tick)


async def reaches_server(broker):
    deadline = time.monotonic() + PROBE_PATIENCE
    while time.monotonic() < deadline:
        try:
            call = broker.call("chaos.mark", -1, "probe", timeout=2)
            if await asyncio.wait_for(call, 3) == "-1:probe":
                return 1
        except Exception:  # the next attempt may succeed, whatever the reason is
            await pause(0.05)
    return 0


async def call():
    loop = asyncio.get_running_loop()
    async with NullExecutor(Registry(project="chaos")) as executor:
        broker = await connected(executor)
        load = Load(broker)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip() == "probe":
                say("probed %d" % await reaches_server(broker))
            else:
                load.pause(line.strip() == "pause")
        os._exit(0)


asyncio.run(serve() if options.kind == "server" else call())
