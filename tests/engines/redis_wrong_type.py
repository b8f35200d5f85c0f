"""Keys of other types at a real Redis. A BLPOP over several keys fails if one of them is no list, so a
node has to leave that key out, and to serve the other functions and calls."""
import argparse
import asyncio
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("patio", help="path of the patio command")
patio = parser.parse_args().patio

from redis_peers import cpp_call, cpp_server, python_caller, redis_client, serving

LONGEST = 2  # seconds for 20 calls, which take some ms without a fault


async def time_of_calls(broker):
    begun = time.monotonic()
    for i in range(20):
        assert await broker.call("mul", 6, i, timeout=60) == 6 * i
    return time.monotonic() - begun


async def check_function(client):
    """A server of `echo`, whose key is a string, goes on to serve `mul`, and later `echo` again."""
    with serving(cpp_server(patio)) as server:
        async with python_caller() as broker:
            before = await time_of_calls(broker)
            client.set("echo", "not a list")
            with_string = await time_of_calls(broker)
            print(f"20 calls: {before:.2f} s, and {with_string:.2f} s with a key that is a string")
            assert with_string < LONGEST, with_string
            code, _, why = cpp_call(patio, "echo", "1", timeout=5)
            assert code == 2 and "not a list of tasks" in why, (code, why)
            client.delete("echo")
            assert await broker.call("echo", 7, timeout=60) == 7
        assert server.stop() == 0


asyncio.run(check_function(redis_client()))
