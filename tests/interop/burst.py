"""Sends bursts of calls from unmodified Python clients to a C++ node on its default settings. Every
call must be answered, and clients that work at the same time must get about the same share."""
import argparse
import asyncio
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("calls", type=int, help="calls in flight from one client")
    parser.add_argument("clients", type=int, help="clients at the same time")
    parser.add_argument("each", type=int, help="calls of each of these clients")
    return parser.parse_args()


options = arguments()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry, TCPClientBroker


async def client():
    executor = NullExecutor(Registry())
    await executor.setup()
    broker = TCPClientBroker(executor)
    await broker.setup()
    await asyncio.wait_for(broker.connect(options.host, options.port), 20)
    return broker


async def gather(broker, count, function, *args):
    begun = time.monotonic()
    answers = await asyncio.gather(
        *(broker.call(function, *args, timeout=120) for _ in range(count)), return_exceptions=True)
    return answers, time.monotonic() - begun


def check(answers, expected, what):
    failed = [a for a in answers if isinstance(a, BaseException)]
    assert not failed, f"{len(failed)} of {len(answers)} {what} failed: {failed[0]!r}"
    assert all(a == expected for a in answers), what


async def main():
    one = await client()
    for function, args, expected in (("pow", (3, 4), 81), ("sleep", (0.001,), None)):
        answers, seconds = await gather(one, options.calls, function, *args)
        check(answers, expected, f"calls of {function}")
        print(f"{options.calls} calls of {function} in {seconds:.1f} s, none refused")
    await one.close()

    many = [await client() for _ in range(options.clients)]
    runs = await asyncio.gather(*(gather(c, options.each, "pow", 3, 4) for c in many))
    for answers, _ in runs:
        check(answers, 81, f"calls of {options.clients} clients")
    slowest, fastest = (f(seconds for _, seconds in runs) for f in (max, min))
    print(f"{options.clients} clients: the slowest took {slowest / fastest:.2f} times the fastest")
    assert slowest <= 1.5 * fastest
    await asyncio.gather(*(c.close() for c in many)) # each takes a second


asyncio.run(main())
