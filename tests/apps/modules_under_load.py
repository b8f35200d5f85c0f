"""Replaces a module many times while Python clients call its functions. No call may be lost.

Each replacement renames another build to the module's path, as installers do, or overwrites the
file in place. After the node has announced it, a new call must soon run the new build.
"""
import argparse
import asyncio
import os
import pathlib
import shutil
import sys
import tempfile

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("command", help="the patio command")
parser.add_argument("builds", type=pathlib.Path, nargs=2, help="two builds of the module")
parser.add_argument("--replacements", type=int, default=100)
options = parser.parse_args()

from patio import NullExecutor, Registry, TCPClientBroker

CALLERS = 4
LIMIT = 30


class Counts:
    def __init__(self):
        self.answered = 0
        self.failures = []


async def call_until(stop, broker, function, arguments, counts):
    while not stop.is_set():
        try:
            assert await broker.call(function, *arguments, timeout=LIMIT) in (1, 2)
            counts.answered += 1
        except Exception as why:
            counts.failures.append(f"{function}: {why!r}")


async def line_with(prefix, stream):
    while line := (await asyncio.wait_for(stream.readline(), LIMIT)).decode():
        if line.startswith(prefix):
            return line[len(prefix):].strip()
    raise RuntimeError(f"the node ended before it printed {prefix!r}")


def replace(module, build, in_place):
    if in_place:
        shutil.copyfile(build, module)
        return
    shutil.copyfile(build, module.with_suffix(".new"))
    os.rename(module.with_suffix(".new"), module)


async def replace_often(module, node, broker):
    for i in range(1, options.replacements + 1):
        replace(module, options.builds[i % 2], in_place=i % 4 == 0)
        await line_with("replaced ", node.stdout)
        deadline = asyncio.get_running_loop().time() + LIMIT
        while await broker.call("version", timeout=LIMIT) != i % 2 + 1:
            assert asyncio.get_running_loop().time() < deadline, "new calls run the old build"


async def measure(module, node):
    host, port = (await line_with("listening on ", node.stdout)).rsplit(":", 1)
    counts, stop = Counts(), asyncio.Event()
    async with NullExecutor(Registry()) as executor, TCPClientBroker(executor) as broker:
        await broker.connect(host, int(port))
        work = [("version", ()), ("compute", (5,))]
        callers = [asyncio.create_task(call_until(stop, broker, *work[i % 2], counts))
                   for i in range(CALLERS)]
        await replace_often(module, node, broker)
        stop.set()
        await asyncio.gather(*callers)
    return counts


async def main():
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder, "tasks.so")
        shutil.copyfile(options.builds[0], module)
        node = await asyncio.create_subprocess_exec(
            options.command, "serve", "--module", module, "--executor", "process", "--workers",
            "2", "--watch", "--listen", "127.0.0.1:0", stdout=asyncio.subprocess.PIPE)
        try:
            counts = await measure(module, node)
        finally:
            node.terminate()
            code = await node.wait()
    print(f"{options.replacements} replacements, {counts.answered} calls answered, "
          f"{len(counts.failures)} lost")
    print(*counts.failures[:10], sep="\n", end="")
    return 1 if counts.failures or code != 0 else 0


sys.exit(asyncio.run(main()))
