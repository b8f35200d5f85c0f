"""Random Python values of all types that patio carries, and their exact comparison."""
import array
import math


def text(r):
    n = r.choice((0, 1, 5, 13, 14, 15, 300))
    ranges = ((0x20, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xD800, 0xDFFF), (0xE000, 0xFFFF),
              (0x10000, 0x10FFFF))
    return "".join(chr(r.randint(*r.choice(ranges))) for _ in range(n))


def leaf(r):
    kind = r.randrange(9)
    if kind == 0:
        return r.choice((None, True, False))
    if kind == 1:
        return r.randint(-300, 300)
    if kind == 2:
        return r.getrandbits(r.choice((31, 32, 63, 64, 65, 200, 3000))) * r.choice((1, -1))
    if kind == 3:
        return r.choice((0.0, -0.0, math.inf, -math.inf, r.random(), r.uniform(-1e300, 1e300),
                         5e-324))
    if kind == 4:
        return complex(r.random(), -r.random())
    if kind == 5:
        return text(r)
    if kind == 8:
        return array.array(r.choice("bhqd"), r.choices(range(-9, 9), k=r.choice((0, 1, 40))))
    return (bytes, bytearray)[kind - 6](r.randbytes(r.choice((0, 1, 14, 15, 255, 256))))


def hashable(r, depth):
    if depth == 0 or r.random() < 0.7:
        return r.choice((r.randint(-9, 9), r.random(), text(r), r.randbytes(3), None))
    return r.choice((tuple, frozenset))(hashable(r, depth - 1) for _ in range(r.randrange(4)))


def make(r, depth):
    if depth == 0 or r.random() < 0.4:
        return leaf(r)
    kind, n = r.randrange(6), r.randrange(5)
    if kind < 2:
        return (list, tuple)[kind](make(r, depth - 1) for _ in range(n))
    if kind == 2:
        return {hashable(r, 2): make(r, depth - 1) for _ in range(n)}
    if kind < 5:
        return (set, frozenset)[kind - 3](hashable(r, 2) for _ in range(n))
    shared = make(r, depth - 1)
    return [shared, shared]


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a.hex() == b.hex()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items()))
    if isinstance(a, (set, frozenset)):
        return a == b and sorted(map(repr, flat(a))) == sorted(map(repr, flat(b)))
    if isinstance(a, array.array):
        return a.typecode == b.typecode and a == b
    return a == b


def flat(items):
    for item in items:
        yield from flat(item) if isinstance(item, (tuple, frozenset)) else [item]
