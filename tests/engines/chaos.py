"""Kills servers, callers and the engine with SIGKILL, and cuts connections at random bytes, while
calls run through a real Redis or RabbitMQ. The engine listens on a loopback port of its own and
keeps its data in a scratch folder, with which it starts again. All peers connect through a proxy.

Servers append the id of each call that begins to a file, so executions count in spite of SIGKILL.
Between C++ peers, each call ends once and in time, is executed at most once, and is not executed if
its error says so. Between Python peers nothing is judged: the output is the last line of a table.

The seed decides the calls, the faults of each connection and when processes are killed, counted in
calls that have begun. PATIO_TEST_SEED or --seed replays a run. Exits with 77 without the engine.
"""
import argparse
import asyncio
import collections
import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from free_ports import free_ports

HERE = pathlib.Path(__file__).resolve().parent
SERVERS, CALLERS = 3, 2
OUTAGE = 2       # seconds of an outage in which calls begin
PATIENCE = 30    # seconds for open calls to end after the last fault, and for a process to react
GRACE_MS = 3000  # that a call may end after its timeout, on a busy machine
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"

# Endings with which the function has certainly not been executed. The rest may have been.
NOT_EXECUTED = {
    "cpp": {"not_sent", "no_route", "overloaded", "not_executed"},
    # patio-rabbitmq raises the first for a returned message, the second before it has sent a byte.
    "python": {"MessageProcessError", "ChannelInvalidStateError"},
}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=("redis", "rabbitmq"))
    parser.add_argument("peers", choices=("cpp", "python"))
    parser.add_argument("build", type=pathlib.Path, help="the build folder, e.g. build/release")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=150, help="calls that begin each second")
    parser.add_argument("--mean-bytes", type=float, default=60_000,
                        help="between two faults of one direction of a connection")
    parser.add_argument("--python", default=os.environ.get("PATIO_PYTHON") or sys.executable,
                        help="a Python with the plugins (default: PATIO_PYTHON)")
    parser.add_argument("--trace", type=argparse.FileType("w"), metavar="FILE",
                        help="gets the time of each begin, end and kill")
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("PATIO_TEST_SEED") or random.SystemRandom().randrange(2**32)))
    return parser.parse_args()


async def start(*command, env=None, errors=None):
    """Starts a process whose standard input and output are pipes."""
    return await asyncio.create_subprocess_exec(
        *map(str, command), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=errors, limit=1 << 20, env={**os.environ, **(env or {})})


async def line_of(process):
    return (await process.stdout.readline()).decode().rstrip("\n")


class Redis:
    """Writes every command to its append-only file before it answers."""
    scheme = "redis://"

    def __init__(self, folder):
        self.folder, [self.port] = folder, free_ports(1)

    async def start(self):
        self.process = await start(
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder,
            "--save", "", "--appendonly", "yes", errors=subprocess.DEVNULL)
        while "Ready to accept connections" not in (line := await line_of(self.process)):
            assert self.process.returncode is None and line, "redis-server has ended"
        self.rest = asyncio.ensure_future(self.process.stdout.read())

    async def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self.rest


class RabbitMQ:
    scheme = "amqp://guest:guest@"

    def __init__(self, folder):
        self.folder, [self.port] = folder, free_ports(1)
        self.pid = self.script = None

    async def start(self):
        self.script = await start("sh", HERE / "rabbitmq.sh", env={
            "PATIO_RABBITMQ_PORT": str(self.port), "PATIO_RABBITMQ_FOLDER": str(self.folder)})
        line = await line_of(self.script)
        assert line.startswith("ready"), line
        self.pid = int(line.split()[2])

    async def kill(self):
        """Also ends a RabbitMQ that is still starting."""
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
            elif self.script:
                self.script.terminate()
        if self.script:
            self.script.stdin.close()
            await self.script.wait()
        self.pid = self.script = None


class Account:
    """What the callers reported about each call."""

    def __init__(self, trace):
        self.trace = trace
        self.begun, self.killed, self.endings = set(), set(), collections.defaultdict(list)

    def take(self, line):
        if self.trace:
            print(f"{time.monotonic():.3f} {line}", file=self.trace)
        kind, *words = line.split()
        if kind == "b":
            self.begun.add(int(words[0]))
        elif kind == "e":
            number, ending, waited, allowed = words
            self.endings[int(number)].append((ending, int(waited), int(allowed)))

    def open(self):
        return self.begun - self.killed - self.endings.keys()


class Run:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.account, self.record = Account(options.trace), folder / "executions"
        self.log = open(folder / "log", "ab")
        self.engine = {"redis": Redis, "rabbitmq": RabbitMQ}[options.engine](folder / "engine")
        self.peer = {"cpp": [options.build / "tests/engines/engine_chaos_peer"],
                     "python": [options.python, "-B", HERE / "chaos_peer.py"]}[options.peers]
        self.kills, self.by_themselves = collections.Counter(), collections.Counter()
        self.plan = self.draw_plan(random.Random(options.seed))
        self.servers, self.callers = [None] * SERVERS, [None] * CALLERS
        self.all_begun = [asyncio.Event() for _ in range(CALLERS)]
        self.progress, self.probed = asyncio.Event(), [asyncio.Event() for _ in range(CALLERS)]
        self.reached, self.exits, self.tasks, self.ending = 0, [], [], False
        self.proxy, self.paused = None, False

    def draw_plan(self, rng):
        """Returns (calls begun, what to kill, which) in order."""
        calls = self.options.calls
        wanted = {"server": max(3, calls // 1000), "caller": max(2, calls // 4000),
                  "engine": max(1, calls // 6000)}
        return sorted((int(calls * rng.uniform(0.05, 0.85)), kind, rng.randrange(100))
                      for kind, count in wanted.items() for _ in range(count))

    def spawn(self, coroutine):
        self.tasks.append(asyncio.ensure_future(coroutine))

    # Processes.

    async def serve(self, i):
        """Keeps one server running, as a supervisor does."""
        while not self.ending:
            self.servers[i] = await start(*self.peer, "server", self.url, self.record,
                                          errors=self.log)
            await self.servers[i].stdout.read()
            code = await self.servers[i].wait()
            if self.ending:
                self.exits.append(code)
            elif code != -signal.SIGKILL:
                self.by_themselves["server"] += 1

    async def call(self, i):
        """Keeps one caller running. The next process begins behind the last call of a dead one."""
        share = self.options.calls // CALLERS
        first, last = i * share, (i + 1) * share
        while not self.ending and not (self.all_begun[i].is_set() and first == last):
            process = self.callers[i] = await start(
                *self.peer, "caller", self.url, first, last, self.options.rate / CALLERS,
                self.options.seed, errors=self.log)
            if self.paused:
                process.stdin.write(b"pause\n")
            mine = set()
            while line := await line_of(process):
                self.account.take(line)
                self.progress.set()
                if line.startswith("b "):
                    first = int(line[2:]) + 1
                    mine.add(first - 1)
                elif line == "all begun":
                    self.all_begun[i].set()
                elif line.startswith("probed "):
                    self.reached += int(line.split()[1])
                    self.probed[i].set()
            code = await process.wait()
            if self.ending:
                self.exits.append(code)
                return
            if code != -signal.SIGKILL:
                self.by_themselves["caller"] += 1
            self.account.killed |= mine - self.account.endings.keys()

    def tell_callers(self, line):
        for caller in self.callers:
            if caller and caller.returncode is None:
                caller.stdin.write(line)

    async def restart_engine(self):
        """Callers begin calls in the first seconds of an outage only: RabbitMQ starts slowly."""
        await self.engine.kill()
        starting = asyncio.ensure_future(self.engine.start())
        await asyncio.wait([starting], timeout=OUTAGE)
        if not starting.done():
            self.paused = True
            self.tell_callers(b"pause\n")
        await starting
        self.account.take("restarted engine")
        self.paused = False
        self.tell_callers(b"resume\n")

    async def kill(self, what, which):
        self.kills[what] += 1
        self.account.take(f"killed {what}")
        if what == "engine":
            await asyncio.gather(*self.restarts)
            self.restarts = [asyncio.ensure_future(self.restart_engine())]
            return
        # A caller that has begun all its calls is needed to the end.
        busy = [c for c, done in zip(self.callers, self.all_begun) if not done.is_set()]
        processes = {"server": self.servers, "caller": busy}[what]
        process = processes[which % len(processes)] if processes else None
        if process and process.returncode is None:
            process.kill()

    # The phases of a run.

    async def start_all(self):
        self.engine.folder.mkdir()
        await self.engine.start()
        self.restarts = []
        o = self.options
        self.proxy = await start(o.build / "tests/chaos/chaos_proxy", self.engine.port, o.seed,
                                 o.mean_bytes)
        where = (await line_of(self.proxy)).split()[-1]
        self.url = self.engine.scheme + where + ("/" if o.engine == "rabbitmq" else "")
        for i in range(SERVERS):
            self.spawn(self.serve(i))
        for i in range(CALLERS):
            self.spawn(self.call(i))

    async def inject(self):
        for at, what, which in self.plan:
            while len(self.account.begun) < at:
                self.progress.clear()
                await self.progress.wait()
            await self.kill(what, which)
        for event in self.all_begun:
            await event.wait()
        await asyncio.gather(*self.restarts)
        self.proxy.stdin.write(b"stop\n")

    async def settle(self):
        deadline = time.monotonic() + PATIENCE
        while self.account.open() and (left := deadline - time.monotonic()) > 0:
            self.progress.clear()
            try:
                await asyncio.wait_for(self.progress.wait(), left)
            except asyncio.TimeoutError:
                pass
        self.hung = self.account.open()

    async def probe(self):
        self.tell_callers(b"probe\n")
        await asyncio.wait([asyncio.ensure_future(p.wait()) for p in self.probed], timeout=PATIENCE)

    async def end(self):
        self.ending = True
        for caller in self.callers:
            caller.stdin.close()
        for server in self.servers:
            if server.returncode is None:
                server.terminate()
        _, stuck = await asyncio.wait(self.tasks, timeout=PATIENCE)
        self.stuck = len(stuck)
        for process in self.callers + self.servers:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*self.tasks)
        self.proxy.stdin.close()
        self.faults = await line_of(self.proxy)
        await self.proxy.wait()
        await self.engine.kill()

    async def abandon(self):
        """Ends the engine and all processes, after a failure."""
        self.ending = True
        for process in [*self.servers, *self.callers, self.proxy]:
            if process and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        await self.engine.kill()

    async def run(self):
        self.phase = "start"
        await self.start_all()
        for phase in (self.inject, self.settle, self.probe, self.end):
            self.phase = phase.__name__
            await phase()

    # The result.

    def report(self):
        executions = collections.Counter(int(x) for x in self.record.read_text().split()
                                         if int(x) >= 0)
        sums, by_ending = collections.Counter(), collections.defaultdict(collections.Counter)
        longest = 0
        for number in self.account.begun:
            runs = executions[number]
            sums["executed_twice"] += runs > 1
            sums["executed"] += runs > 0
            ends = self.account.endings.get(number, [])
            sums["ended_twice"] += len(ends) > 1
            if not ends:
                ending = "hung" if number in self.hung else "caller_killed"
                by_ending[ending].update(calls=1, executed=int(runs > 0))
                continue
            ending, waited, allowed = ends[0]
            by_ending[ending].update(calls=1, executed=int(runs > 0))
            sums["overdue"] += 0 <= allowed < waited - GRACE_MS
            longest = max(longest, waited)
            group = ("answered" if ending == "value" else "not_executed" if
                     ending in NOT_EXECUTED[self.options.peers] else "maybe_executed")
            sums[group] += 1
            sums["refusals_executed"] += group == "not_executed" and runs > 0
            sums["values_not_executed"] += group == "answered" and runs == 0
        sums["hung"], sums["caller_killed"] = (by_ending[x]["calls"] for x in
                                               ("hung", "caller_killed"))
        sums["wrong_value"] = by_ending["wrong_value"]["calls"]
        self.sums = sums
        print(f"  begun={len(self.account.begun)} longest_wait={longest}ms")
        print("  sums " + " ".join(f"{k}={v}" for k, v in sorted(sums.items())))
        seen = sorted((k, v["calls"], v["executed"]) for k, v in by_ending.items() if v["calls"])
        print("  endings (executed) " + " ".join(f"{k}={n}({runs})" for k, n, runs in seen))
        print("  kills " + " ".join(f"{k}={v}" for k, v in sorted(self.kills.items())),
              "| ended by themselves", dict(self.by_themselves), "|", self.faults)
        print(f"  afterwards: callers that reach a server {self.reached} of {CALLERS}; "
              f"processes that did not end {self.stuck}; exit codes {sorted(self.exits)}")
        print(f"| {self.options.engine} | {self.options.peers} | " + " | ".join(
            str(sums[k]) for k in ("answered", "not_executed", "maybe_executed", "hung",
                                   "executed_twice", "caller_killed")) + " |")

    def failures(self):
        wanted = dict.fromkeys(("hung", "ended_twice", "executed_twice", "overdue", "wrong_value",
                                "refusals_executed", "values_not_executed"), 0)
        failed = [f"{k} is {self.sums[k]}, not 0" for k in wanted if self.sums[k]]
        if len(self.account.begun) != self.options.calls:
            failed.append("not all calls have begun")
        if self.sums["answered"] <= self.options.calls / 3 or "cut=0" in self.faults:
            failed.append("too few answers or faults: the run proves nothing")
        if self.reached != CALLERS or self.stuck or any(self.exits) or self.by_themselves.total():
            failed.append("a process did not reach a server, did not end or ended by itself")
        return failed


async def main(options):
    print(f"{options.engine}, {options.peers} peers, {options.calls} calls: "
          f"PATIO_TEST_SEED={options.seed} replays the faults", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp())
    run = Run(options, folder)
    began = time.monotonic()
    try:
        running = asyncio.ensure_future(run.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        await running
        run.report()
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
        failed = run.failures() if options.peers == "cpp" else []
        if failed:
            print(*(folder / "log").read_text(errors="replace").splitlines()[-40:], sep="\n")
    except asyncio.CancelledError:
        failed = [f"stopped in the phase '{run.phase}', {len(run.account.begun)} calls begun, "
                  f"{len(run.account.open())} open, killed {dict(run.kills)}"]
        await run.abandon()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for text in failed:
        print("FAILED:", text)
    return 1 if failed else 0


if __name__ == "__main__":
    chosen = arguments()
    chosen.calls -= chosen.calls % CALLERS
    if not (shutil.which("redis-server") if chosen.engine == "redis" else os.path.exists(RABBITMQ)):
        print(f"skipped: no {chosen.engine}-server")
        sys.exit(77)
    sys.exit(asyncio.run(main(chosen)))
