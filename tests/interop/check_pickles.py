"""Checks that Python patio's restricted loader reads what the library writes, and that the library
writes CPython's own bytes where it can.

PATIO_TEST_SEED replays a run. Exits with 77 if patio cannot be imported.
"""
import argparse
import builtins
import json
import os
import pickle
import random
import subprocess
import sys


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recode", help="the program pickle_recode")
    parser.add_argument("vectors", help="tests/data/pickle.jsonl")
    return parser.parse_args()


options = arguments() if __name__ == "__main__" else None  # check_mutations.py imports this

# The arguments come first: they need no patio.
try:
    from patio.broker.serializer import RestrictedPickleSerializer
    from patio.broker.tcp.broker import CallRequest

    from pickle_objects import Objects, form
except ImportError as why:
    print(f"skipped: this Python cannot import patio: {why}")
    sys.exit(77)

EXCEPTIONS = sorted(
    {c for c in vars(builtins).values() if isinstance(c, type) and issubclass(c, BaseException)},
    key=lambda c: c.__name__,
)
BATCH = 5000
load = RestrictedPickleSerializer().unpack


def recode(program, pickles):
    """Returns each pickle as the library writes it again, or the library's refusal as text."""
    lines = "".join(p.hex() + "\n" for p in pickles)
    ended = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    answers = ended.stdout.splitlines()
    assert len(answers) == len(pickles), f"{len(answers)} answers to {len(pickles)} pickles"
    return [a if a.startswith("refused") else bytes.fromhex(a) for a in answers]


def check_vectors(program, path):
    rows = [json.loads(line) for line in open(path)]
    for row, answer in zip(rows, recode(program, [bytes.fromhex(r["pickle"]) for r in rows])):
        name = f"{row['name']} in protocol {row['protocol']}"
        assert isinstance(answer, bytes), f"{name}: {answer}"
        wanted = pickle.loads(bytes.fromhex(row["pickle"]))
        if row["name"] == "exc-StopIteration":  # this exception would end a Python peer's worker
            wanted = RuntimeError("StopIteration: 3")
        if row["name"] == "exc-TimeoutError":  # this exception loses its class in protocols 0 to 2
            wanted = TimeoutError()
        assert form(load(answer)) == form(wanted), f"{name}: {wanted!r} became {load(answer)!r}"
    return len(rows)


def make(objects, i):
    """Returns the i-th object and its pickle in protocol i modulo 6."""
    protocol, rng = i % 6, objects.rng
    objects.own = protocol >= 2 and i % 12 > 5
    objects.arrays = protocol >= 3
    v = objects.large() if i % 500 == 7 else objects.any(i % 4)
    if i % 10 == 1:
        kwargs = {sys.intern(f"k{n}"): objects.any(1) for n in range(rng.randrange(3))}
        name = rng.choice(("mul", "имя", "a" * 40))
        args = tuple([objects.any(1) for _ in range(3)])
        v = CallRequest(name, args, kwargs, rng.choice((None, 5, 0.25)))
    return v, pickle.dumps(v, protocol)


def check_random(program, rng, count):
    objects = Objects(rng)
    for first in range(0, count, BATCH):
        made = [make(objects, i) for i in range(first, min(first + BATCH, count))]
        answers = recode(program, [p for _, p in made])
        for i, ((v, made_as), answer) in enumerate(zip(made, answers), first):
            if answer == pickle.dumps(v, 5):
                continue  # CPython's own bytes hold the same object
            name = f"object {i}, {v!r} in protocol {i % 6}, {made_as.hex()},"
            assert isinstance(answer, bytes), f"{name}: {answer}"
            wanted = pickle.loads(made_as)
            assert form(load(answer)) == form(wanted), f"{name} became {load(answer)!r}"
            # In protocols 0 to 3 a time loses its fold, so the bytes of the original are lost.
            same_bytes_possible = i % 6 >= 4 or form(wanted) == form(v)
            assert not same_bytes_possible, f"{name}: not CPython's bytes: {answer.hex()}"


class Raised:
    """Pickles as an exception, even as one that Python cannot build."""

    def __init__(self, cls, args):
        self.cls, self.args = cls, args

    def __reduce__(self):
        return self.cls, self.args


def check_exceptions(program, rng, count):
    objects = Objects(rng)
    raised = [
        Raised(rng.choice(EXCEPTIONS), tuple(objects.any(1) for _ in range(rng.randrange(7))))
        for _ in range(count)
    ]
    kept = 0
    for r, answer in zip(raised, recode(program, [pickle.dumps(r, 5) for r in raised])):
        name = f"{r.cls.__name__}{r.args!r}"
        assert isinstance(answer, bytes), f"{name}: {answer}"
        v = load(answer)  # a load that raises would hang a Python caller
        assert isinstance(v, Exception) and not isinstance(v, StopIteration), f"{name} became {v!r}"
        if type(v) is RuntimeError and r.cls is not RuntimeError:
            substituted = str(v).startswith(r.cls.__name__) or issubclass(r.cls, OSError)
            assert substituted, f"{name} became {v!r}"
        else:
            kept += 1
            assert form(v) == form(r.cls(*r.args)), f"{name} became {v!r}"
    assert kept > count / 2, f"only {kept} of {count} exceptions kept their class"


def main():
    seed = int(os.environ.get("PATIO_TEST_SEED") or random.randrange(1 << 32))
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = check_vectors(options.recode, options.vectors)
    check_random(options.recode, rng, 100_000)
    check_exceptions(options.recode, rng, 5_000)
    print(f"{rows} vectors, 100000 random objects and 5000 exceptions read back as they were")


if __name__ == "__main__":
    main()
