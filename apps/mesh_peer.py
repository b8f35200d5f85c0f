"""A Python patio node of `patio mesh`, and the counterpart of mesh_node.cpp: it reads the same
commands from standard input and prints the same lines."""
import argparse
import asyncio
import os
import sys
import time

parser = argparse.ArgumentParser(prog="mesh_peer.py", description=__doc__)
parser.add_argument("index", type=int, help="the number of the node")
parser.add_argument("incarnation", type=int, help="how often this node has been started")
parser.add_argument("port", type=int, help="the port to listen at, or 0")
parser.add_argument("rate", type=float, help="calls per second")
options = parser.parse_args()

# The arguments come first: they need no patio.
from patio import AsyncExecutor, Registry
from patio.broker.tcp import TCPClientBroker, TCPServerBroker

rpc = Registry(project="mesh", auto_naming=False)
stopping = asyncio.Event()


def say(line):
    os.write(1, (line + "\n").encode())


@rpc("work")
async def work(call):
    say("x %d" % call)
    return call


async def one_call(brokers, number):
    call = (options.index << 48) | (options.incarnation << 32) | number
    begin = time.monotonic()
    say("b %d" % call)
    ending = "value"
    try:
        # Python patio forgets the calls of a lost connection, so the whole attempt has a timeout of
        # its own.
        broker = brokers[number % len(brokers)]
        if await asyncio.wait_for(broker.call("work", call, timeout=2), 3) != call:
            ending = "wrong"
    except asyncio.TimeoutError:
        ending = "timeout"
    except IndexError:  # Python patio raises it when no peer serves the name any more
        ending = "no_route"
    except ConnectionError:
        ending = "maybe_executed"
    except Exception:
        ending = "remote_error"
    say("e %d %s %d" % (call, ending, (time.monotonic() - begin) * 1e6))


async def make_calls(brokers):
    number, calls, begin = 0, set(), time.monotonic()
    while not stopping.is_set():
        due = int((time.monotonic() - begin) * options.rate)
        while brokers and number < due:
            number += 1
            task = asyncio.create_task(one_call(brokers, number))
            calls.add(task)
            task.add_done_callback(calls.discard)
        if not brokers:
            begin = time.monotonic()
        await asyncio.sleep(0.02)
    if calls:
        await asyncio.wait(calls)
    say("idle")


async def main():
    loop = asyncio.get_running_loop()
    async with AsyncExecutor(rpc, max_workers=64) as executor:
        client = TCPClientBroker(executor, reconnect_timeout=0.3)
        async with TCPServerBroker(executor) as server, client:
            await server.listen("127.0.0.1", options.port)
            listening, = server.servers
            say("listening on 127.0.0.1:%d" % listening.sockets[0].getsockname()[1])
            brokers, tasks = [], []
            tasks.append(asyncio.create_task(make_calls(brokers)))
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                command, _, rest = line.strip().partition(" ")
                if command == "connect":
                    host, _, port = rest.rpartition(":")
                    tasks.append(asyncio.create_task(client.connect(host, int(port))))
                    if client not in brokers:
                        brokers.append(client)
                elif command == "accepted":
                    if server not in brokers:
                        brokers.append(server)
                elif command == "stop":
                    stopping.set()
    os._exit(0)


asyncio.run(main())
