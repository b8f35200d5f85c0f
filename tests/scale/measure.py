#!/usr/bin/env python3
"""Measures what idle nodes cost, and prints the tables of actors/HOW_FAR.md.

    measure.py build/release [--only mesh,star,routes,redis,rabbitmq,real] [--scale 1]

The simulated rows run nodes in virtual time. The real rows run nodes over loopback sockets in one
process, with a Redis and a RabbitMQ that this script starts. A server that is not installed is left
out and named; then the exit code is 3. --scale divides all numbers of nodes.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading

ENGINES = pathlib.Path(__file__).resolve().parent.parent / "engines"
SIMULATED = {  # kind: (nodes, names)
    "mesh": [(10, 10), (100, 10), (300, 10), (1000, 10), (100, 1), (100, 100), (30, 1000)],
    "star": [(10, 10), (100, 10), (1000, 10)],
    "routes": [(10, 1), (100, 1), (1000, 1)],
    "redis": [(10, 10), (1000, 10), (10_000, 10), (1000, 1), (1000, 100)],
    "rabbitmq": [(10, 10), (1000, 10), (10_000, 10), (1000, 1), (1000, 100)],
}
REAL = {
    "mesh": [(10, 10), (30, 10), (50, 10), (100, 10), (130, 10)],
    "star": [(130, 10), (500, 10)],
    "redis": [(10, 10), (100, 10), (500, 10), (1000, 10)],
    "rabbitmq": [(10, 10), (100, 10), (300, 10)],
}
PATIENCE = 240  # seconds until all real nodes are connected
PAGE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the tree of a release build")
    parser.add_argument("--only", default=",".join([*SIMULATED, "real"]), help="parts of the run")
    parser.add_argument("--scale", type=int, default=1, help="divides the numbers of nodes")
    parser.add_argument("--seconds", type=int, default=20, help="the idle time of real nodes")
    given = parser.parse_args()
    given.parts = given.only.split(",")
    if unknown := set(given.parts) - {*SIMULATED, "real"}:
        parser.error(f"unknown part {unknown.pop()}: choose from {', '.join(SIMULATED)}, real")
    if given.scale < 1 or given.seconds < 1:
        parser.error("--scale and --seconds are at least 1")
    return given


def print_table(rows):
    """Prints rows with the same keys as one table. A key is a column."""
    if not rows:
        return
    keys = [k for k in rows[0] if k != "kind"]
    print("\n| " + " | ".join([rows[0]["kind"]] + [k.replace("_", " ") for k in keys]) + " |")
    print("|" + " --- |" * (len(keys) + 1))
    for row in rows:
        print("| | " + " | ".join(f"{row[k]:.4g}" if isinstance(row[k], float) else f"{row[k]:,}"
                                  for k in keys) + " |", flush=True)


def sizes(plans, scale):
    return sorted({(max(2, nodes // scale), names) for nodes, names in plans},
                  key=lambda p: (p[1] != 10, p))


def simulated(given, kind):
    program = given.build / "tests" / "scale" / "simulated_scale"
    for nodes, names in sizes(SIMULATED[kind], given.scale):
        done = subprocess.run([program, kind, str(nodes), str(names)], stdout=subprocess.PIPE,
                              check=True)
        yield json.loads(done.stdout)


def process_figures(pid):
    """Returns the resident bytes, the processor seconds and the descriptors of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return {"resident": int(fields[21]) * PAGE, "cpu": sum(map(int, fields[11:13])) / TICKS,
            "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


class Redis:
    """A Redis of its own, until the end of the `with` statement."""

    def __enter__(self):
        script = 'echo "ready $PATIO_REDIS_PORT $(cat "$PATIO_REDIS_FOLDER/pid")"; cat >/dev/null'
        self.process = subprocess.Popen(["sh", ENGINES / "with_redis.sh", "sh", "-c", script],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return start(self, "redis://127.0.0.1:{}")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def figures(self):
        info = subprocess.run(["redis-cli", "-p", str(self.port), "info"], text=True, check=True,
                              stdout=subprocess.PIPE).stdout
        said = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        return process_figures(self.pid) | {"commands": int(said["total_commands_processed"]),
                                            "used": int(said["used_memory"])}


class RabbitMQ:
    """A RabbitMQ of its own, until the end of the `with` statement."""

    def __enter__(self):
        self.process = subprocess.Popen(["sh", ENGINES / "rabbitmq.sh"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        return start(self, "amqp://guest:guest@127.0.0.1:{}/")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def figures(self):
        return process_figures(self.pid)


def start(engine, url):
    words = engine.process.stdout.readline().split()
    if words[:1] != ["ready"]:
        engine.process.wait()
        return None
    engine.port, engine.pid = int(words[1]), int(words[2])
    engine.url = url.format(engine.port)
    return engine


def run_real(given, kind, nodes, names, engine=None):
    """Runs real nodes. Adds what the engine, if any, spends on them."""
    env = os.environ | ({"PATIO_BROKER_URL": engine.url} if engine else {})
    first = engine.figures() if engine else None
    program = given.build / "tests" / "scale" / "real_nodes"
    with subprocess.Popen([program, kind, str(nodes), str(names), str(given.seconds)], env=env,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        limit = threading.Timer(PATIENCE, child.kill)
        limit.start()
        said = child.stdout.readline()
        limit.cancel()
        if said != "ready\n":
            raise SystemExit(f"measure.py: {kind} {nodes}: not connected within {PATIENCE} s")
        connected = engine.figures() if engine else None
        child.stdin.write("\n")
        child.stdin.flush()
        row = json.loads(child.stdout.readline())
        if engine:
            row |= engine_row(first, connected, engine.figures(), nodes, given.seconds)
        child.stdin.close()
    return row


def engine_row(first, connected, last, nodes, seconds):
    row = {"engine_resident_per_node": (last["resident"] - first["resident"]) / nodes,
           "engine_descriptors_per_node": (last["descriptors"] - first["descriptors"]) / nodes,
           "engine_cpu_s_to_connect": connected["cpu"] - first["cpu"],
           "engine_cpu_percent": 100 * (last["cpu"] - connected["cpu"]) / seconds}
    if "commands" in last:
        row["engine_memory_per_node"] = (last["used"] - first["used"]) / nodes
        row["engine_commands_second"] = (last["commands"] - connected["commands"]) / seconds
    return row


def real(given):
    """Yields rows of one kind, and the name of an engine that is missing."""
    for kind in ("mesh", "star"):
        yield [run_real(given, kind, *plan) for plan in sizes(REAL[kind], given.scale)], None
    for kind, make in (("redis", Redis), ("rabbitmq", RabbitMQ)):
        for plan in sizes(REAL[kind], given.scale):
            with make() as engine:
                if engine is None:
                    yield [], kind
                    break
                yield [run_real(given, kind, *plan, engine)], None


def main():
    given = arguments()
    missing = []
    for kind in SIMULATED:
        if kind in given.parts:
            print_table(list(simulated(given, kind)))
    if "real" in given.parts:
        for rows, lacking in real(given):
            print_table(rows)
            missing += [lacking] if lacking else []
    for engine in missing:
        print(f"not measured: there is no {engine} server", file=sys.stderr)
    return 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
