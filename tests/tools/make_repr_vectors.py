"""Writes tests/data/repr.jsonl for repr_test.cpp: Python literals and what CPython 3.11 prints for
them. The fixed hash seed fixes the order of sets.

    PYTHONHASHSEED=0 python3.11 tests/tools/make_repr_vectors.py > tests/data/repr.jsonl

Each line is {"literal": text, "repr": repr(eval(text))}. The names "inf", "nan", "infj" and "nanj"
do not exist in Python: this script defines them.
"""
import argparse
import json
import math
import random
import struct
import sys

NAMES = {
    "inf": math.inf, "nan": math.nan,
    "infj": complex(0, math.inf), "nanj": complex(0, math.nan),
}
rng = random.Random(15383)

# Ends of ranges, and other code points that repr() writes differently from their neighbours.
CODE_POINTS = [
    0, 7, 9, 10, 13, 0x1f, 0x20, 0x22, 0x27, 0x5c, 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0xa1, 0xad, 0xff,
    0x100, 0x378, 0x37a, 0x600, 0x2028, 0x200b, 0x2010, 0x202f, 0x3000, 0xd7ff, 0xd800, 0xdbff,
    0xdc00, 0xdfff, 0xe000, 0xf8ff, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600, 0x1fbcb,
    0x2a6df, 0x2a6e0, 0x2ffff, 0x31350, 0xe0001, 0xe0100, 0xe01ef, 0xf0000, 0x10ffff,
]

EDGE_FLOATS = [
    "0.0", "-0.0", "1e999", "-1e999", "1e-999", "inf", "-inf", "nan", "1e16", "9999999999999998.0",
    "1e15", "1e-4", "9.999e-05", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
    "9007199254740993.0", "2e23", ".5", "1.", "1_0.2_5e0_1", "123456789012345680.0",
]
EDGE_TEXTS = [
    "r'\\n' \"'\" '\"'", "b'a' b\"'\"", "'''a\n'b'''", "R'\\''", "'a\\\nb'", "'\\q'", "'\\400'",
    "b'\\400'", "bytearray(b\"'\")",
]


def some_float():
    form = rng.randrange(5)
    if form == 0:
        return struct.unpack("<d", rng.randbytes(8))[0]
    if form == 1:
        return round(rng.uniform(-1e4, 1e4), rng.randrange(6))
    if form == 2:
        return float(rng.randrange(-10**17, 10**17))
    if form == 3:
        return math.ldexp(rng.choice([1, 3, 1 + 2**-52]), rng.randrange(-1074, 1020))
    return float("%de%d" % (rng.randrange(1, 10 ** rng.randrange(1, 18)), rng.randrange(-24, 24)))


def some_int():
    bits = rng.choice([3, 8, 31, 32, 62, 63, 64, 65, 128, 200])
    return rng.choice([1, -1]) * rng.getrandbits(bits)


def some_code_point():
    limit = rng.choice([0x80, 0x100, 0x3000, 0x10000, 0x20000, 0x110000])
    return rng.choice([rng.choice(CODE_POINTS), rng.randrange(0x20, 0x7f), rng.randrange(limit)])


def float_literal(f):
    return rng.choice([repr(f), "%.17g" % f, "%.25e" % f])


def int_literal(i):
    sign, size = ("-" if i < 0 else rng.choice(["", "", "+"])), abs(i)
    return sign + rng.choice([str, hex, oct, bin, "{:_}".format, "{:#_X}".format])(size)


def complex_literal():
    def part():
        return abs(rng.choice([some_float(), float(rng.randrange(100)), 0.0, math.inf, math.nan]))

    text = rng.choice(["", "-"]) + repr(part()) + rng.choice("+-") + repr(part()) + "j"
    return rng.choice([text, "(%s)" % text, rng.choice(["", "-"]) + repr(part()) + "j"])


def str_literal():
    points = [some_code_point() for _ in range(rng.choice([0, 1, 2, 4, 8]))]
    quote = rng.choice("'\"")
    body = ""
    for c in points:
        if chr(c).isprintable() and chr(c) not in "\\'\"" and rng.random() < 0.8:
            body += chr(c)
        elif c < 0x100:
            body += rng.choice(["\\x%02x", "\\u%04x", "\\%03o"]) % c
        else:
            body += ("\\u%04x" if c < 0x10000 else "\\U%08x") % c
    body += rng.choice(["", "", "", "\\'", '\\"', "\\'\\\""])
    return rng.choice(["", "", "u"]) + quote + body + quote


def bytes_literal():
    def piece():
        return rng.choice(["\\x%02x" % rng.randrange(256), chr(rng.randrange(0x23, 0x26)), "\\n",
                           "\\'", '\\"', "\\\\", "\\0"])

    body = "".join(piece() for _ in range(rng.choice([0, 1, 3, 9])))
    quote = rng.choice(["'", '"', "'''", '"""'])
    return "b" + quote + body + quote


def leaf_literal(hashable=False):
    constant = lambda: rng.choice(["None", "True", "False"])
    number = [lambda: int_literal(some_int()), lambda: float_literal(some_float()), complex_literal]
    makers = [constant, *number, str_literal, str_literal, bytes_literal]
    if not hashable:
        makers.append(lambda: "bytearray(%s)" % bytes_literal())
    return rng.choice(makers)()


def set_items(keys):
    """Returns the items in the order in which Python prints them: the library keeps the order of
    the text. Returns a single item if Python's order is not stable."""
    made = {eval(key, dict(NAMES)): key for key in keys}
    ordered = [made[item] for item in set(made)]
    again = [repr(item) for item in eval("{%s}" % ", ".join(ordered), dict(NAMES))]
    # The hashes of NaN and None are addresses.
    stable = not any("nan" in key or "None" in key for key in ordered)
    printed = [repr(eval(key, dict(NAMES))) for key in ordered]
    return ordered if stable and again == printed else keys[:1]


def container_literal(depth):
    def item():
        return container_literal(depth - 1) if depth > 1 and rng.random() < 0.5 else leaf_literal()

    items = [item() for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    keys = [leaf_literal(hashable=True) for _ in items]
    comma = "," if items and rng.random() < 0.3 else ""
    inside = ", ".join(items) + comma
    return rng.choice([
        "[%s]" % inside,
        "(%s)" % (inside + "," if len(items) == 1 and not comma else inside),
        "{%s}" % (", ".join("%s: %s" % pair for pair in zip(keys, items)) + comma),
        "{%s}" % ", ".join(set_items(keys)) if keys else "set()",
        "frozenset({%s})" % ", ".join(set_items(keys)) if keys else "frozenset()",
    ])


def literals():
    for exponent in range(-1074, 1024, 3):
        yield "%.17g" % math.ldexp(1.0, exponent)
    yield from EDGE_FLOATS
    for _ in range(300):
        yield float_literal(some_float())
    for _ in range(120):
        yield int_literal(some_int())
    for digits in [255, 256, 257, 511, 512, 513, 4299, 4300]:
        yield "1" + "0" * (digits - 1)
        yield "-" + "9" * digits
    for bits in [5000, 20000]:  # more digits than CPython reads or prints by default
        yield hex(rng.getrandbits(bits))
    for _ in range(120):
        yield complex_literal()
    for c in CODE_POINTS:
        yield "'\\U%08x'" % c
    for _ in range(330):
        yield str_literal()
    for _ in range(80):
        yield rng.choice(["%s", "bytearray(%s)"]) % bytes_literal()
    yield from EDGE_TEXTS
    for depth in [1, 2, 3, 4]:
        for _ in range(130):
            yield container_literal(depth)


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.set_int_max_str_digits(0)
    for text in literals():
        print(json.dumps({"literal": text, "repr": repr(eval(text, dict(NAMES)))}))


main()
