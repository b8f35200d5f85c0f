# A Python patio node of `patio mesh`: the counterpart of mesh_node.cpp, steered and heard by the same lines.
# usage: python3 -c SCRIPT INDEX INCARNATION PORT RATE
import asyncio
import os
import sys
import time

from patio import AsyncExecutor, Registry
from patio.broker.tcp import TCPClientBroker, TCPServerBroker

index, incarnation, port, rate = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
rpc = Registry(project="mesh", auto_naming=False)
stopping = asyncio.Event()


def say(line):
    os.write(1, (line + "\n").encode())


@rpc("work")
async def work(call):
    say("x %d" % call)
    return call


async def one_call(brokers, number):
    call = (index << 48) | (incarnation << 32) | number
    begin = time.monotonic()
    say("b %d" % call)
    ending = "value"
    try:
        # A Python peer forgets calls of a lost connection, so the whole attempt has a time limit of its own.
        broker = brokers[number % len(brokers)]
        if await asyncio.wait_for(broker.call("work", call, timeout=2), 3) != call:
            ending = "wrong"
    except asyncio.TimeoutError:
        ending = "timeout"
    except IndexError:  # what Python patio raises when the last peer that served the name is gone
        ending = "no_route"
    except ConnectionError:
        ending = "maybe_executed"
    except Exception:
        ending = "remote_error"
    say("e %d %s %d" % (call, ending, (time.monotonic() - begin) * 1e6))


async def make_calls(brokers):
    number, calls, begin = 0, set(), time.monotonic()
    while not stopping.is_set():
        due = int((time.monotonic() - begin) * rate)
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
        async with TCPServerBroker(executor) as server, TCPClientBroker(executor, reconnect_timeout=0.3) as client:
            await server.listen("127.0.0.1", port)
            listening, = server.servers
            say("listening on 127.0.0.1:%d" % listening.sockets[0].getsockname()[1])
            brokers, tasks = [], []
            tasks.append(asyncio.create_task(make_calls(brokers)))
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                command, _, rest = line.strip().partition(" ")
                if command == "connect":
                    host, _, to = rest.rpartition(":")
                    tasks.append(asyncio.create_task(client.connect(host, int(to))))
                    if client not in brokers:
                        brokers.append(client)
                elif command == "accepted":
                    if server not in brokers:
                        brokers.append(server)
                elif command == "stop":
                    stopping.set()
    os._exit(0)


asyncio.run(main())
