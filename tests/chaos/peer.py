"""The Python peer of the chaos runs. peer.hpp lists the commands it reads and the lines it prints.

A `plain` client works as patio's README shows it. A `careful` client has a timeout of its own
around each call. It replaces a broker that has lost its reconnect loop or kept a dead connection:
patio 0.1.4 ends neither such calls nor such brokers.
"""
import argparse
import asyncio
import logging
import os
import random
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    server = kinds.add_parser("server", help="serves until its standard input ends")
    server.add_argument("care", nargs="?", choices=("plain", "careful"), help="has no effect")
    client = kinds.add_parser("client", help="makes calls")
    client.add_argument("host")
    client.add_argument("port", type=int)
    client.add_argument("calls", type=int)
    client.add_argument("rate", type=float, help="calls per second")
    client.add_argument("seed", type=int)
    client.add_argument("care", choices=("plain", "careful"))
    return parser.parse_args()


options = arguments()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, NullExecutor, Registry
from patio.broker.tcp import TCPClientBroker, TCPServerBroker

BROKERS = 4
TICK = 0.005
# Seconds that a careful call may take beyond its timeout, or in all if it has no timeout.
GUARD = 1.5
PROBE_PATIENCE = 5

logging.disable(logging.CRITICAL)  # lost connections are expected
rpc = Registry(project="chaos", auto_naming=False)
executions = []  # how often each call was executed, by its id
running = 0


def say(line):
    os.write(1, (line + "\n").encode())


def begin(number):
    global running
    executions.extend([0] * (number + 1 - len(executions)))
    executions[number] += 1
    running += 1


async def execute(number, padding, hold=0):
    global running
    begin(number)
    try:
        if hold:
            await asyncio.sleep(hold / 1000)
        return "%d:%s" % (number, padding)
    finally:
        running -= 1


for name in ("chaos.quick", "chaos.mark", "chaos.hold"):
    rpc[name] = execute


@rpc("chaos.record")
async def record():
    return "".join(str(min(n, 9)) for n in executions)


@rpc("chaos.running")
async def count_running():
    return running


async def end_of_input():
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield line.strip()


async def serve():
    async with AsyncExecutor(rpc, max_workers=64) as executor, TCPServerBroker(executor) as broker:
        await broker.listen("127.0.0.1", 0)
        server, = broker.servers
        say("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1])
        async for _ in end_of_input():
            pass
        os._exit(0)


class PlainBroker:
    """Keeps one broker for the whole run, as a program without workarounds does."""

    def __init__(self, executor, where, links):
        self.executor, self.where, self.links = executor, where, links
        self.dial()

    def dial(self):
        self.broker = TCPClientBroker(self.executor, reconnect_timeout=0.05)
        # Does what connect() does, without waiting for the first login.
        dials = [self.broker.connection_fabric(*self.where, asyncio.Event())
                 for _ in range(self.links)]
        self.loops = [self.broker.create_task(d) for d in dials]
        for loop in self.loops:
            loop.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def call(self, name, *args, timeout):
        answer = await self.broker.call(name, *args, timeout=timeout)
        return "value" if answer == "%d:%s" % args[:2] else "wrong_value"


class CarefulBroker(PlainBroker):
    def dial(self):
        super().dial()
        self.suspect = False

    async def call(self, name, *args, timeout):
        if self.suspect or any(loop.done() for loop in self.loops):
            old = self.broker
            self.dial()
            self.closing = asyncio.ensure_future(old.close())
        mine = self.broker
        attempt = asyncio.ensure_future(super().call(name, *args, timeout=timeout))
        done, _ = await asyncio.wait({attempt}, timeout=GUARD + (timeout or 0))
        if done:
            return attempt.result()
        attempt.cancel()
        self.suspect = self.suspect or mine is self.broker
        return "given_up"


def draw(rng, careful):
    """Returns the function, padding, further arguments and timeout of one call, in the shares of
    peer_client.cpp."""
    size = rng.randrange(100)
    padding = "x" * rng.randrange(200 if size < 90 else 4000 if size < 99 else 60000)
    kind, more, name = rng.randrange(10), (), "chaos.mark"
    if kind < 3:
        name, more = "chaos.hold", (1 + rng.randrange(40),)
    elif kind < 6:
        name = "chaos.quick"
    timeout = None
    if careful and kind % 3:
        short = rng.randrange(10) == 0
        timeout = (50 + rng.randrange(450) if short else 1000 + rng.randrange(3000)) / 1000
    return name, padding, more, timeout


async def one_call(broker, number, name, padding, more, timeout):
    begin = time.monotonic()
    try:
        ending = await broker.call(name, number, padding, *more, timeout=timeout)
    except asyncio.TimeoutError:
        ending = "timeout"
    except Exception as e:
        ending = "overloaded" if "overloaded" in str(e) else type(e).__name__
    waited = (time.monotonic() - begin) * 1000
    say("e %d %s %d %d" % (number, ending, waited, timeout * 1000 if timeout else -1))


class Load:
    """Begins the calls that are due by the clock, however many calls are open. Begins only a few at
    a time: on a busy processor calls begin later, instead of all waiting too long."""

    def __init__(self, brokers, calls, rate, rng, careful):
        self.brokers, self.calls, self.rate = brokers, calls, rate
        self.rng, self.careful = rng, careful
        self.loop, self.begin = asyncio.get_running_loop(), time.monotonic()
        self.number, self.open = 0, set()
        self.tick()

    def tick(self):
        due = min(self.calls, int((time.monotonic() - self.begin) * self.rate),
                  self.number + int(2 * TICK * self.rate) + 1)
        for number in range(self.number, due):
            broker = self.brokers[number % len(self.brokers)]
            task = self.loop.create_task(one_call(broker, number, *draw(self.rng, self.careful)))
            self.open.add(task)
            task.add_done_callback(self.open.discard)
        self.number = due
        if due == self.calls:
            say("all begun")
        else:
            self.loop.call_later(TICK, self.tick)


async def reaches_server(broker, number):
    deadline = time.monotonic() + PROBE_PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        try:
            call = broker.call("chaos.mark", number, "probe", timeout=None)
            if await asyncio.wait_for(call, min(left, GUARD)) == "value":
                return True
        except Exception:  # the next attempt may succeed, whatever the reason is
            await asyncio.sleep(0)
    return False


async def probe(brokers, first):
    good = await asyncio.gather(*[reaches_server(b, first + i) for i, b in enumerate(brokers)])
    say("probed %d of %d" % (sum(good), len(good)))


async def load():
    executor = NullExecutor(Registry(project="chaos"))
    await executor.setup()
    careful = options.care == "careful"
    kind = CarefulBroker if careful else PlainBroker
    brokers = [kind(executor, (options.host, options.port), 1 + i % 2) for i in range(BROKERS)]
    keep = Load(brokers, options.calls, options.rate, random.Random(options.seed), careful)
    async for command in end_of_input():
        if command == "probe":
            await probe(brokers, keep.calls)
    os._exit(0)


asyncio.run(serve() if options.kind == "server" else load())
