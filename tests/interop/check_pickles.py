"""What the library writes is what Python patio's restricted loader reads, and CPython's own bytes where it can be.

    check_pickles.py RECODE VECTORS     RECODE is the program pickle_recode, VECTORS is tests/data/pickle.jsonl

PATIO_TEST_SEED replays a run. Exits with 77 if patio cannot be imported.
"""

import builtins
import json
import os
import pickle
import random
import struct
import subprocess
import sys

try:
    from patio.broker.serializer import RestrictedPickleSerializer
    from patio.broker.tcp.broker import CallRequest
except ImportError as why:
    print(f"skipped: this Python cannot import patio: {why}")
    sys.exit(77)

EXCEPTIONS = sorted(
    {c for c in vars(builtins).values() if isinstance(c, type) and issubclass(c, BaseException)},
    key=lambda c: c.__name__,
)
load = RestrictedPickleSerializer().unpack


def recode(program, pickles):
    """The pickles as the library writes them again, or its refusals as text."""
    lines = "".join(p.hex() + "\n" for p in pickles)
    answers = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert len(answers) == len(pickles), f"{len(answers)} answers to {len(pickles)} pickles"
    return [a if a.startswith("refused") else bytes.fromhex(a) for a in answers]


def form(v):
    """A value with its types, float bits and orders spelled out, to be compared by ==."""
    if isinstance(v, float):
        return "float", struct.pack(">d", v)
    if isinstance(v, complex):
        return "complex", struct.pack(">dd", v.real, v.imag)
    if isinstance(v, (list, tuple)):
        return type(v).__name__, [form(x) for x in v]
    if isinstance(v, (set, frozenset)):
        return type(v).__name__, sorted((form(x) for x in v), key=repr)
    if isinstance(v, dict):
        return "dict", [(form(k), form(x)) for k, x in v.items()]
    if isinstance(v, BaseException):
        return "exception", type(v).__name__, form(v.args), form(getattr(v, "__notes__", []))
    if isinstance(v, CallRequest):
        return "call", v.func, form(v.args), form(v.kwargs), form(v.timeout)
    return type(v).__name__, v


def check_vectors(program, path):
    rows = [json.loads(line) for line in open(path)]
    for row, answer in zip(rows, recode(program, [bytes.fromhex(r["pickle"]) for r in rows])):
        name = f"{row['name']} in protocol {row['protocol']}"
        assert isinstance(answer, bytes), f"{name}: {answer}"
        wanted = pickle.loads(bytes.fromhex(row["pickle"]))
        if row["name"] == "exc-StopIteration":  # would end a Python peer's worker
            wanted = RuntimeError("StopIteration: 3")
        if row["name"] == "exc-TimeoutError":  # loses its class in protocols 0 to 2
            wanted = TimeoutError()
        assert form(load(answer)) == form(wanted), f"{name}: {wanted!r} became {load(answer)!r}"
    return len(rows)


class Objects:
    """Random objects of every kind. Equal texts are one object, as are equal bytes, so that CPython's pickles, which share by
    identity, are what the library writes."""

    def __init__(self, rng):
        self.rng = rng
        self.pool = {}

    def pooled(self, v):
        return self.pool.setdefault((type(v), v), v)

    def text(self):
        letters = self.rng.choice(("abc", "äöü", "日本語", "😀x", "\ud800", "\\\n\r\0\x1a'"))
        size = self.rng.choice((0, 1, 2, 3, 14, 15, 40, 255, 256, 300))
        return self.pooled("".join(self.rng.choices(letters, k=size)))

    def real(self):
        v = struct.unpack(">d", self.rng.randbytes(8))[0]
        return v if v == v else float("nan")  # protocol 0 knows only one NaN

    def leaf(self):
        r = self.rng
        return r.choice((
            lambda: None,
            lambda: r.random() < 0.5,
            lambda: r.randrange(-300, 70000),
            lambda: r.randrange(-(1 << r.randrange(1, 300)), 1 << r.randrange(1, 300)),
            self.real,
            lambda: complex(r.random(), r.choice((-0.0, 2.5))),
            lambda: self.pooled(r.randbytes(r.choice((0, 1, 2, 40, 255, 256, 300)))),
            lambda: bytearray(r.randbytes(r.randrange(20))),
            self.text,
            self.text,
        ))()

    def key(self):
        v = self.leaf()
        return v if v == v and v.__hash__ else None

    def container(self, depth):
        r = self.rng
        size = r.choice((0, 1, 2, 3, 4, 7))
        return r.choice((
            lambda: [self.any(depth - 1) for _ in range(size)],
            lambda: tuple(self.any(depth - 1) for _ in range(size)),
            lambda: {self.key(): self.any(depth - 1) for _ in range(size)},
            lambda: {self.key() for _ in range(size)},
            lambda: frozenset(self.key() for _ in range(size)),
            lambda: self.shared(self.any(depth - 1)),
            lambda: r.choice((ValueError, KeyError, RuntimeError, AssertionError))(*[self.any(depth - 1) for _ in range(size)]),
        ))()

    def shared(self, v):
        return [v, v, (v,)]

    def any(self, depth):
        return self.container(depth) if depth and self.rng.random() < 0.7 else self.leaf()

    def large(self):
        """Beyond the batches of a thousand items and the frames of 64 KiB."""
        r = self.rng
        return r.choice((
            lambda: list(range(r.choice((999, 1000, 1001, 2000, 30000)))),
            lambda: {i: str(i) for i in range(r.choice((999, 1000, 1001, 2000, 9000)))},
            lambda: set(range(r.choice((999, 1000, 1001, 2000)))),
            lambda: ["x" * r.randrange(65530, 65542), bytes(r.randrange(65530, 65542)), bytearray(r.randrange(65530, 65542)), 1, "end"],
            lambda: [bytes([i % 256]) * r.randrange(1000, 40000) for i in range(9)],
        ))()


def check_random(program, rng, count):
    objects = Objects(rng)
    made = []
    for i in range(count):
        v = objects.large() if i % 200 == 0 else objects.any(4)
        if i % 10 == 1:
            kwargs = {sys.intern(f"k{n}"): objects.any(1) for n in range(rng.randrange(3))}
            v = CallRequest(rng.choice(("mul", "имя", "a" * 40)), tuple(objects.any(2) for _ in range(3)), kwargs, rng.choice((None, 5, 0.25)))
        made.append((v, i % 6))
    for (v, protocol), answer in zip(made, recode(program, [pickle.dumps(v, p) for v, p in made])):
        assert isinstance(answer, bytes), f"{v!r} in protocol {protocol}: {answer}"
        assert form(load(answer)) == form(v), f"{v!r} in protocol {protocol} became {load(answer)!r}"
        assert answer == pickle.dumps(v, 5), f"{v!r} in protocol {protocol}: not CPython's bytes: {answer.hex()}"


class Raised:
    """Pickles as an exception that need not be one that Python can build."""

    def __init__(self, cls, args):
        self.cls, self.args = cls, args

    def __reduce__(self):
        return self.cls, self.args


def check_exceptions(program, rng, count):
    objects = Objects(rng)
    raised = [Raised(rng.choice(EXCEPTIONS), tuple(objects.any(1) for _ in range(rng.randrange(7)))) for _ in range(count)]
    kept = 0
    for r, answer in zip(raised, recode(program, [pickle.dumps(r, 5) for r in raised])):
        name = f"{r.cls.__name__}{r.args!r}"
        assert isinstance(answer, bytes), f"{name}: {answer}"
        v = load(answer)  # what raises here would hang a Python caller
        assert isinstance(v, Exception) and not isinstance(v, StopIteration), f"{name} became {v!r}"
        if type(v) is RuntimeError and r.cls is not RuntimeError:
            assert str(v).startswith(r.cls.__name__) or issubclass(r.cls, OSError), f"{name} became {v!r}"
        else:
            kept += 1
            assert form(v) == form(r.cls(*r.args)), f"{name} became {v!r}"
    assert kept > count / 2, f"only {kept} of {count} exceptions kept their class"


def main():
    program, vectors = sys.argv[1:]
    seed = int(os.environ.get("PATIO_TEST_SEED") or random.randrange(1 << 32))
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = check_vectors(program, vectors)
    check_random(program, rng, 10_000)
    check_exceptions(program, rng, 5_000)
    print(f"{rows} vectors, 10000 random objects and 5000 exceptions read back as they were")


if __name__ == "__main__":
    main()
