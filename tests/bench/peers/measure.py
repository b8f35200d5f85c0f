#!/usr/bin/env python3
"""Calls mul(3, 4) over loopback TCP through patio and through other systems, and prints the medians
of several rounds. The rounds of all systems alternate.

    measure.py build/release/apps/patio [--rounds 5] [--placement same,apart]

A system that cannot be built is named with the reason. Then the exit code is 3. tests/README.md
names the packages.

Work: `inline` runs the function on the thread that has read the call, `pool` on a worker. Ratios
compare the same kind of work only.
Placement: `same` pins client and server to processor 0. `apart` pins the server to processor 0 and
the client to processor 1. `free` leaves the choice to the kernel.
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CALLS = {1: 20_000, 64: 300_000, 1024: 600_000}  # of patio, by the number of calls in flight
COMPILE = f"g++ -O2 -std=c++20 -w -I. -I{HERE}"
PINS = {"free": ("", ""), "same": ("taskset -c 0", "taskset -c 0"),
        "apart": ("taskset -c 0", "taskset -c 1")}

# How to build each program in the current folder. The output has the name of the program.
RECIPES = {
    "raw": f"{COMPILE} {HERE}/raw.cpp -o raw",
    "grpc": f"protoc -I{HERE} --cpp_out=. --grpc_out=. "
            f"--plugin=protoc-gen-grpc=$(command -v grpc_cpp_plugin) {HERE}/mul.proto && "
            f"{COMPILE} {HERE}/grpc.cpp mul.pb.cc mul.grpc.pb.cc -o grpc "
            f"$(pkg-config --libs grpc++ protobuf)",
    "capnp": f"capnp compile -I{HERE} --src-prefix={HERE} -oc++:. {HERE}/mul.capnp && "
             f"{COMPILE} {HERE}/capnp.cpp mul.capnp.c++ -o capnp "
             f"-lcapnp-rpc -lcapnp -lkj-async -lkj",
    "basp": f"{COMPILE} {HERE}/basp.cpp -o basp -lcaf_core -lcaf_io",
    "ice": f"mkdir -p gen_ice && slice2cpp -I{HERE} --output-dir gen_ice {HERE}/mul.ice && "
           f"{COMPILE} -DICE_CPP11_MAPPING -Igen_ice {HERE}/ice.cpp gen_ice/mul.cpp -o ice "
           f"-lIce++11 -lpthread",
    "nats": f"command -v nats-server && {COMPILE} {HERE}/nats.cpp -o nats -lnats",
    "thrift": f"mkdir -p gen_thrift && thrift --gen cpp -out gen_thrift {HERE}/mul.thrift && "
              f"{COMPILE} -Igen_thrift {HERE}/thrift.cpp gen_thrift/Math.cpp -o thrift "
              f"-lthriftnb -lthrift -levent",
    "tarpc": f"cargo build --release --manifest-path {HERE}/tarpc/Cargo.toml "
             f"--target-dir tarpc-target && cp tarpc-target/release/tarpc-peer tarpc",
    "python": f"{{python}} -c 'import patio' && printf '#!/bin/sh\\nexec {{python}} "
              f"{HERE}/python_peer.py \"$@\"\\n' >python && chmod +x python",
}

# Name: program, arguments of the server and of the client, kind of work.
PEERS = {
    "raw": ("raw", "s", "c", "inline"),
    "raw-quarters": ("raw", "s", "c 4", "inline"),
    "raw-spin": ("raw", "S", "C", "inline"),
    "grpc": ("grpc", "s", "c", "inline"),
    "grpc-sync": ("grpc", "p", "c", "pool"),
    "capnp": ("capnp", "s", "c", "inline"),
    "basp": ("basp", "s", "c", "pool"),
    "basp-sharing": ("basp", "sh", "ch", "pool"),
    "ice": ("ice", "s", "c", "inline"),
    "ice-pool4": ("ice", "p", "c", "pool"),
    "nats": ("nats", "s", "c", "inline"),
    "thrift": ("thrift", "s", "c", "inline"),
    "thrift-pool4": ("thrift", "p", "c", "pool"),
    "tarpc": ("tarpc", "s", "c", "pool"),
    "python": ("python", "s", "c", "inline"),
    "python-threads": ("python", "p", "c", "pool"),
}
FUNCTIONS = {"patio mul": ("mul", "inline"), "patio pow": ("pow", "pool")}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patio", help="the command of a release build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--placement", default="same,apart")
    parser.add_argument("--only", default=",".join(RECIPES), help="programs to build")
    parser.add_argument("--python", default=sys.executable, help="has patio 0.1.4")
    parser.add_argument("--build", default=tempfile.gettempdir() + "/patio-peers",
                        help="folder for the programs, which are built once")
    parser.add_argument("--scale", type=float, default=1, help="factor for patio's number of calls")
    return parser.parse_args()


def build(folder, programs, python):
    """Returns the reason for each program that cannot be built."""
    failed = {}
    for name in programs:
        if (folder / name).exists():
            continue
        recipe = RECIPES[name].replace("{python}", python)
        ended = subprocess.run(recipe, shell=True, cwd=folder, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
        lines = [line for line in ended.stdout.splitlines() if line.strip()]
        if ended.returncode != 0:
            errors = [line for line in lines if "error" in line.lower() or "not found" in line]
            failed[name] = (errors + lines[-1:] + [f"exit code {ended.returncode}"])[0]
    return failed


class Server:
    """A process that serves until the end of the `with` statement."""

    def __init__(self, command):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.command = [word.replace("PORT", str(self.port)) for word in command]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return str(self.port)
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.command[0]} does not listen")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def run_peer(program, server, client, pins):
    """Returns the calls per second by the number of calls in flight."""
    with Server(pins[0].split() + [program, server, "PORT"]) as port:
        first, *rest = client.split()
        ended = subprocess.run(pins[1].split() + [program, first, port, *rest],
                               stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    rows = [line.split() for line in ended.stdout.splitlines()]
    return {int(row[1]): float(row[2]) for row in rows}


def run_patio(patio, function, scale, pins):
    serve = [patio, "serve", "--demo", "--listen", "127.0.0.1:PORT"]
    rates = {}
    with Server(pins[0].split() + serve) as port:
        for in_flight, calls in CALLS.items():
            bench = [patio, "bench", "--connect", f"127.0.0.1:{port}", "--function", function,
                     "--args", "[3, 4]", "--in-flight", str(in_flight),
                     "--calls", str(int(calls * scale)), "--json"]
            ended = subprocess.run(pins[1].split() + bench, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, timeout=300, check=True)
            answer = json.loads(ended.stdout)
            if answer["errors"]:
                raise SystemExit(f"{function}: {answer['errors']} errors at {in_flight} in flight")
            rates[in_flight] = answer["calls_per_s"]
    return rates


def systems(options, folder, failed):
    """Returns the kind of work and the function that measures, for each system."""
    runs = {}
    for name, (program, server, client, kind) in PEERS.items():
        if program in options.only.split(",") and program not in failed:
            runs[name] = kind, lambda pins, p=str(folder / program), s=server, c=client: (
                run_peer(p, s, c, pins))
    for name, (function, kind) in FUNCTIONS.items():
        runs[name] = kind, lambda pins, f=function: run_patio(options.patio, f, options.scale, pins)
    return runs


def measure(runs, placements, rounds):
    rates = {p: {name: {n: [] for n in CALLS} for name in runs} for p in placements}
    for number in range(rounds):
        for placement in placements:
            for name, (_, run) in runs.items():
                if name == "raw-spin" and placement != "apart":
                    continue  # each of the two would wait for the time slice of the other
                for in_flight, rate in run(PINS[placement]).items():
                    rates[placement][name][in_flight].append(rate)
        print(f"round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr,
              flush=True)
    return rates


def print_table(placement, runs, rates):
    medians = {name: {n: statistics.median(all_rates) for n, all_rates in by.items() if all_rates}
               for name, by in rates.items()}
    print(f"\n{placement}: calls per second; in brackets patio's rate as a multiple")
    print(f"{'':15}{'work':8}" + "".join(f"{f'{n} in flight':>22}" for n in CALLS))
    for name, by in medians.items():
        kind = runs[name][0]
        ours = medians["patio mul" if kind == "inline" else "patio pow"]
        cells = ""
        for n, rate in by.items():
            ratio = "" if name.startswith("patio") else f" ({ours[n] / rate:.2f})"
            cells += f"{rate:>13,.0f}{ratio:>9}"
        if cells:
            print(f"{name:15}{kind:8}{cells}", flush=True)


def main():
    options = arguments()
    options.patio = str(pathlib.Path(options.patio).resolve())
    folder = pathlib.Path(options.build)
    folder.mkdir(parents=True, exist_ok=True)
    placements = options.placement.split(",")
    for word, known in [(w, PINS) for w in placements] + [
            (w, RECIPES) for w in options.only.split(",")]:
        if word not in known:
            raise SystemExit(f"there is no '{word}'; choose from {', '.join(known)}")
    failed = build(folder, options.only.split(","), options.python)
    runs = systems(options, folder, failed)
    rates = measure(runs, placements, options.rounds)
    for placement in placements:
        print_table(placement, runs, rates[placement])
    for name, why in failed.items():
        print(f"not built: {name}: {why}", file=sys.stderr)
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
