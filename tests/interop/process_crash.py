"""Calls crash, served by worker processes, from an unmodified Python client. The call must raise,
and the client's next calls must work."""
import argparse
import asyncio


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    return parser.parse_args()


options = arguments()

# The arguments come first: they need no patio.
from patio import NullExecutor, Registry, TCPClientBroker


async def check_crash(broker, signal):
    try:
        await broker.call("crash", signal, timeout=60)
    except ConnectionError as error:
        assert f"worker lost: signal {signal}" in str(error), error
    else:
        raise AssertionError("the crash raised nothing")


async def main():
    executor = NullExecutor(Registry())
    await executor.setup()
    broker = TCPClientBroker(executor)
    await broker.setup()
    await asyncio.wait_for(broker.connect(options.host, options.port), 20)
    for signal in (11, 9, 6):
        await check_crash(broker, signal)
        assert await broker.call("pow", 2, 10, timeout=60) == 1024
    answers = await asyncio.gather(*(broker.call("pow", 2, n, timeout=60) for n in range(100)))
    assert answers == [2**n for n in range(100)], answers
    print("three crashes raised, and all other calls were answered")
    await broker.close()


asyncio.run(main())
