#!/usr/bin/env python3
"""Reads and writes pickles with patio's codec and with CPython's pickle module, and prints how many
times as fast patio is. The rounds alternate, and each figure is the shortest time of all rounds.

    codec_rows.py build/release/tests/bench/codec_rows [--rounds 3]

Needs Python patio in the Python that runs the script.
"""
import argparse
import pathlib
import pickle
import subprocess
import tempfile
import timeit

SECONDS = 0.02  # of one measurement, as in codec_rows.cpp


def rows():
    from patio.broker.tcp.broker import CallRequest
    return [
        ("`mul(3, 4)`", "call", CallRequest("mul", (3, 4), {}, None)),
        ("call with 10 keywords", "call",
         CallRequest("put", ("key", b"v" * 64), {f"k{i}": i for i in range(10)}, 5.0)),
        ("int", "value", 12),
        ("1000 ints", "value", list(range(1000))),
        ("100 dicts of 3", "value",
         [{"id": i, "name": f"user{i}", "score": i * 0.5} for i in range(100)]),
        ("1000 texts", "value", [f"item number {i}" for i in range(1000)]),
        ("1 MiB of bytes", "value", b"x" * (1 << 20)),
    ]


def nanoseconds(work):
    timer = timeit.Timer(work)
    runs = 1
    while (taken := timer.timeit(runs)) < SECONDS:
        runs *= 2
    return min([taken, *timer.repeat(4, runs)]) / runs * 1e9


def of_python(thing, written):
    return (nanoseconds(lambda: pickle.loads(written)),
            nanoseconds(lambda: pickle.dumps(thing, protocol=5)))


def of_patio(program, form, file):
    ended = subprocess.run([program, form, file], stdout=subprocess.PIPE, text=True, check=True)
    return tuple(map(float, ended.stdout.split()))


def shortest(times):
    return tuple(map(min, zip(*times)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program codec_rows of a release build")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("| pickle | read | write |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pickle")
        for name, form, thing in rows():
            written = pickle.dumps(thing, protocol=5)
            file.write_bytes(written)
            ours, theirs = [], []
            for _ in range(args.rounds):
                ours.append(of_patio(args.program, form, file))
                theirs.append(of_python(thing, written))
            ratios = [t / o for t, o in zip(shortest(theirs), shortest(ours))]
            print(f"| {name} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
