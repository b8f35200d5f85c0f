"""Peers for the tests over Redis: C++ nodes are processes of the patio command, Python servers are
processes of this file, and Python callers live in the test's own process.

Run as a program, this file serves functions with Python's plugin until it is killed."""
import argparse
import asyncio
import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys

PORT = os.environ.get("PATIO_REDIS_PORT", "0")  # never the system's Redis
URL = f"redis://127.0.0.1:{PORT}"
PATIENCE = 60


class Peer:
    """A process that serves functions."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith(("connected to", "serving")), line

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """Ends the process with SIGTERM and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def is_alive(self):
        return self.process.poll() is None


def cpp_server(patio, *more):
    return Peer(patio, "serve", "--demo", "--broker", URL, *more)


def python_server(workers=4):
    return Peer(sys.executable, "-B", __file__, "--workers", str(workers))


@contextlib.contextmanager
def serving(peer):
    try:
        yield peer
    finally:
        if peer.is_alive():
            peer.kill()


@contextlib.asynccontextmanager
async def python_caller(**options):
    from patio import NullExecutor, Registry
    from patio_redis import RedisBroker

    async with NullExecutor(Registry(project="caller")) as executor:
        async with RedisBroker(executor, url=URL, **options) as broker:
            yield broker


def cpp_call(patio, *words, timeout=10):
    """Returns the exit code, the output and the error line of `patio call`."""
    done = subprocess.run([patio, "call", "--broker", URL, "--timeout", str(timeout), *words],
                          capture_output=True, text=True, timeout=PATIENCE + timeout)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def restart_redis():
    """Kills the server with SIGKILL and starts it again, without its data."""
    kill_redis()
    start_redis()


def kill_redis():
    pid = int((pathlib.Path(os.environ["PATIO_REDIS_FOLDER"]) / "pid").read_text())
    process = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([process], [], [], PATIENCE)[0], "Redis has not ended"
    os.close(process)


def start_redis():
    subprocess.run(["sh", os.environ["PATIO_REDIS_START"]], check=True, timeout=PATIENCE)


def redis_client():
    import redis

    return redis.Redis(port=int(PORT))


async def pause(seconds):
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)


async def eventually(condition, what):
    """Waits until the condition holds."""
    for _ in range(PATIENCE * 20):
        if condition():
            return
        await pause(0.05)
    raise AssertionError(f"not in time: {what}")


async def serve(workers):
    from patio import AsyncExecutor, Registry
    from patio_redis import RedisBroker

    rpc = Registry(project="server", auto_naming=False)

    @rpc("mul")
    async def mul(*args):
        product = 1
        for x in args:
            product *= x
        return product

    @rpc("echo")
    async def echo(*args, **kwargs):
        return args[0] if len(args) == 1 and not kwargs else (args, kwargs)

    @rpc("fail")
    async def fail(kind, *args):
        raise getattr(__builtins__, kind)(*args)

    @rpc("sleep")
    async def sleep(seconds):
        await pause(seconds)
        return seconds

    async with AsyncExecutor(rpc, max_workers=workers) as executor:
        async with RedisBroker(executor, url=URL, max_connections=workers + 10):
            print("serving", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    asyncio.run(serve(options.workers))
