# A Python patio node of `patio mesh`: the counterpart of mesh_node.cpp, with the same lines
# on standard input and output.
# usage: python3 -c SCRIPT INDEX INCARNATION PORT RATE
import asyncio
import os
import sys
import time

from patio import AsyncExecutor, Registry
from patio.broker.tcp import TCPClientBroker, TCPServerBroker

index, incarnation, port = (int(word) for word in sys.argv[1:4])
rate = float(sys.argv[4])
rpc = Registry(project="mesh", auto_naming=False)
stopping = asyncio.Event()
tasks = []  # asyncio itself keeps only weak references to its tasks


def print_line(line):
    os.write(1, (line + "\n").encode())


@rpc("work")
async def work(call):
    print_line("x %d" % call)
    return call


async def one_call(brokers, number):
    call = (index << 48) | (incarnation << 32) | number
    begin = time.monotonic()
    print_line("b %d" % call)
    ending = "value"
    try:
        # Python patio forgets the calls of a lost connection, so each attempt has a time limit of
        # its own.
        broker = brokers[number % len(brokers)]
        if await asyncio.wait_for(broker.call("work", call, timeout=2), 3) != call:
            ending = "wrong"
    except asyncio.TimeoutError:
        ending = "timeout"
    except IndexError:  # Python patio raises it when the last peer that served the name is gone
        ending = "no_route"
    except ConnectionError:
        ending = "maybe_executed"
    except Exception:
        ending = "remote_error"
    print_line("e %d %s %d" % (call, ending, (time.monotonic() - begin) * 1e6))


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
    print_line("idle")


async def obey_commands(server, client):
    """Carries out the lines on standard input until its end."""
    loop = asyncio.get_running_loop()
    brokers = []
    tasks.append(asyncio.create_task(make_calls(brokers)))
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, _, rest = line.strip().partition(" ")
        if command == "connect":
            host, _, peer_port = rest.rpartition(":")
            tasks.append(asyncio.create_task(client.connect(host, int(peer_port))))
            if client not in brokers:
                brokers.append(client)
        elif command == "accepted":
            if server not in brokers:
                brokers.append(server)
        elif command == "stop":
            stopping.set()


async def main():
    async with AsyncExecutor(rpc, max_workers=64) as executor:
        async with TCPServerBroker(executor) as server:
            async with TCPClientBroker(executor, reconnect_timeout=0.3) as client:
                await server.listen("127.0.0.1", port)
                listening, = server.servers
                print_line("listening on 127.0.0.1:%d" % listening.sockets[0].getsockname()[1])
                await obey_commands(server, client)
    os._exit(0)


asyncio.run(main())
