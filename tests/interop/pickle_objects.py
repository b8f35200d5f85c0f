"""Random Python objects of every kind that the library carries, and a form in which two objects can
be compared. A module of check_pickles.py and check_mutations.py."""

import array
import collections
import datetime
import decimal
import enum
import struct
import sys
import uuid

from patio.broker.tcp.broker import CallRequest


class Record:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("a", "b")


Row = collections.namedtuple("Row", "x y")


class Tally(dict):
    pass


class Stack(list):
    pass


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"

    def __reduce_ex__(self, protocol):
        """Pickles the member as most versions of Python do. Debian 12's Python 3.11.2 would call
        getattr, and neither patio's loader nor this library accepts that."""
        return type(self), (self.value,)


class Money:
    """Pickles as a call with arguments and a state."""

    def __init__(self, amount, currency):
        self.amount, self.currency = amount, currency

    def __reduce__(self):
        return Money, (self.amount, self.currency), {"note": self.currency}


def form(v):
    """Returns a value that can be compared by ==: types, float bits and orders are spelled out."""
    if isinstance(v, float):
        return "float", struct.pack(">d", v)
    if isinstance(v, complex):
        return "complex", struct.pack(">dd", v.real, v.imag)
    if isinstance(v, (list, tuple)):
        return type(v).__name__, [form(x) for x in v], attributes(v)
    if isinstance(v, (set, frozenset)):
        return type(v).__name__, sorted((form(x) for x in v), key=repr)
    if isinstance(v, dict):
        return type(v).__name__, [(form(k), form(x)) for k, x in v.items()], attributes(v)
    if isinstance(v, BaseException):
        return "exception", type(v).__name__, form(v.args), form(getattr(v, "__notes__", []))
    if isinstance(v, CallRequest):
        return "call", v.func, form(v.args), form(v.kwargs), form(v.timeout)
    if isinstance(v, uuid.UUID):
        return "UUID", v.int, v.is_safe
    if isinstance(v, (decimal.Decimal, datetime.date, datetime.time, datetime.timedelta,
                      datetime.timezone)):
        return type(v).__name__, repr(v)
    if isinstance(v, array.array):
        return "array", v.typecode, v.tobytes()
    if isinstance(v, (Record, Money)):
        return type(v).__name__, attributes(v)
    if isinstance(v, Slotted):
        return "Slotted", form(v.a), form(v.b)
    return type(v).__name__, v


def attributes(v):
    return [(form(k), form(x)) for k, x in getattr(v, "__dict__", {}).items()]


class Objects:
    """Makes random objects. Equal texts are one object, and so are equal bytes: CPython's pickles
    share by identity, so CPython writes the same bytes as the library.

    `own` allows the classes above, and `arrays` array.array. Older protocols write some of those
    classes differently."""

    def __init__(self, rng):
        self.rng = rng
        self.pool = {}
        self.own = False
        self.arrays = False
        self.leaves = (
            lambda: None,
            lambda: rng.random() < 0.5,
            lambda: rng.randrange(-300, 70000),
            lambda: rng.randrange(-(1 << rng.randrange(1, 300)), 1 << rng.randrange(1, 300)),
            self.real,
            lambda: complex(rng.random(), rng.choice((-0.0, 2.5))),
            lambda: self.pooled(rng.randbytes(rng.choice((0, 1, 2, 40, 255, 256, 300)))),
            lambda: bytearray(rng.randbytes(rng.randrange(20))),
            self.text,
            self.text,
            lambda: self.numbers() if self.arrays else None,
            self.standard,
            self.standard,
        )
        self.containers = (
            lambda d, n: [self.any(d) for _ in range(n)],
            lambda d, n: tuple([self.any(d) for _ in range(n)]),
            lambda d, n: {self.key(): self.any(d) for _ in range(n)},
            lambda d, n: {self.key() for _ in range(n)},
            lambda d, n: frozenset([self.key() for _ in range(n)]),
            lambda d, n: self.shared(self.any(d)),
            lambda d, n: rng.choice((ValueError, KeyError, RuntimeError, AssertionError))(
                *[self.any(d) for _ in range(n)]),
            lambda d, n: self.ordered([(self.key(), self.any(d)) for _ in range(n)]),
            lambda d, n: self.user(d, n) if self.own else [],
        )

    def pooled(self, v):
        return sys.intern(v) if isinstance(v, str) else self.pool.setdefault((type(v), v), v)

    def text(self):
        letters = self.rng.choice(("abc", "äöü", "日本語", "😀x", "\ud800", "\\\n\r\0\x1a'"))
        size = self.rng.choice((0, 1, 2, 3, 14, 15, 40, 255, 256, 300))
        return self.pooled("".join(self.rng.choices(letters, k=size)))

    def numbers(self):
        """Returns an array. Its typecode is no text of `text`, and its bytes are not a single one:
        CPython has one object for such a text, which need not be the one that was interned."""
        made = array.array(self.rng.choice("BhHiIlLqQfd"))
        made.frombytes(self.rng.randbytes(made.itemsize * self.rng.choice((0, 2, 40, 9000))))
        return made

    def real(self):
        v = struct.unpack(">d", self.rng.randbytes(8))[0]
        return v if v == v else float("nan")  # protocol 0 has only one NaN

    def delta(self, days):
        r = self.rng
        return datetime.timedelta(r.randint(-days, days - 1), r.choice((0, r.randrange(86400))),
                                  r.choice((0, r.randrange(1000000))))

    def zone(self):
        r = self.rng
        seconds = r.choice((0, 60 * r.randrange(-1439, 1440), r.randrange(-86399, 86400)))
        offset = datetime.timedelta(0, seconds)
        return r.choice((None, datetime.timezone.utc, datetime.timezone(offset),
                         datetime.timezone(offset, self.text())))

    def moment(self):
        r = self.rng
        day = datetime.date.fromordinal(r.randint(1, 3652059))
        t = datetime.time(r.randrange(24), r.randrange(60), r.randrange(60),
                          r.choice((0, r.randrange(1000000))), self.zone(), fold=r.randrange(2))
        return r.choice((day, t, datetime.datetime.combine(day, t)))

    def number(self):
        r = self.rng
        digits = "".join(r.choices("0123456789", k=r.choice((1, 2, 30))))
        text = r.choice((digits, digits + ".5", "0." + digits,
                         digits + "E+" + str(r.randrange(10**18 - 40)),
                         digits + "E-" + str(r.randrange(10**18)),
                         "NaN", "NaN" + digits, "Infinity", "sNaN3"))
        return decimal.Decimal(r.choice(("", "-")) + text)

    def standard(self):
        r = self.rng
        return r.choice((
            self.moment,
            self.moment,
            lambda: self.delta(r.choice((2, 999999999))),
            lambda: self.zone() or datetime.timezone.max,
            self.number,
            lambda: uuid.UUID(int=r.getrandbits(r.choice((0, 8, 127, 128))),
                              is_safe=r.choice(list(uuid.SafeUUID))),
        ))()

    def key(self):
        """Returns a hashable object that equals itself: the library refuses two NaN keys. Decimals
        are rare, because equal numbers of different types would be one key."""
        while True:
            v = self.rng.choice(self.leaves)()
            try:
                hash(v)
            except TypeError:
                continue
            if v == v and (not isinstance(v, decimal.Decimal) or self.rng.random() < 0.1):
                return v

    def container(self, depth):
        return self.rng.choice(self.containers)(depth - 1, self.rng.choice((0, 1, 2, 3, 4, 7)))

    def ordered(self, pairs):
        made = collections.OrderedDict(pairs)
        if self.rng.random() < 0.2:
            made.note = self.any(0)
        return made

    def user(self, depth, size):
        r = self.rng
        kind = r.randrange(7)
        if kind == 0:
            return Record(**{sys.intern(f"field{i}"): self.any(depth) for i in range(size)})
        if kind == 1:
            made = Slotted()
            made.a, made.b = self.any(depth), self.any(depth)
            return made
        if kind == 2:
            return Row(self.any(depth), self.any(depth))
        if kind == 3:
            made = Tally((self.key(), self.any(depth)) for _ in range(size))
            made.note = self.text()
            return made
        if kind == 4:
            return Stack(self.any(depth) for _ in range(size))
        if kind == 5:
            return r.choice(list(Colour))
        return Money(self.any(0), self.text())

    def shared(self, v):
        return [v, v, (v,)]

    def any(self, depth):
        if depth > 0 and self.rng.random() < 0.7:
            return self.container(depth)
        return self.rng.choice(self.leaves)()

    def large(self):
        """Returns an object of about a batch (1000 items) or a frame (64 KiB), or larger."""
        r = self.rng
        size = r.choice((999, 1000, 1001, 2000))
        return r.choice((
            lambda: list(range(r.choice((size, 30000)))),
            lambda: {i: str(i) for i in range(r.choice((size, 9000)))},
            lambda: collections.OrderedDict((i, str(i)) for i in range(r.choice((size, 9000)))),
            lambda: set(range(size)),
            lambda: [datetime.date.fromordinal(i + 1) for i in range(size)],
            lambda: ["x" * r.randrange(65530, 65542), bytes(r.randrange(65530, 65542)),
                     bytearray(r.randrange(65530, 65542)), 1, "end"],
            lambda: [bytes([i % 256]) * r.randrange(1000, 40000) for i in range(9)],
            lambda: Tally((i, i) for i in range(size)) if self.own else [],
            lambda: Stack(range(size)) if self.own else [],
        ))()
