#!/usr/bin/env python3
"""Writes seeds for the fuzz targets, made from the vectors in tests/data. FOLDER gets a folder for
each target, with one file for each input."""
import argparse
import collections
import datetime
import decimal
import hashlib
import json
import pathlib
import pickle
import struct
import sys
import types
import uuid

data = pathlib.Path(__file__).parent.parent / "data"


def rows(name):
    return [json.loads(line) for line in (data / name).read_text().splitlines()]


def frame(kind, serial, payload):
    return struct.pack(">bII", kind, len(payload), serial) + payload


def pickles():
    for row in rows("pickle.jsonl") + rows("reject.jsonl"):
        yield bytes.fromhex(row["pickle"])


def stand_in(module, name):
    """Makes a class that pickles under the given module and name."""
    package = module.split(".")[0]
    made = type(name, (), {"__module__": module})
    sys.modules.setdefault(package, types.ModuleType(package))
    sys.modules.setdefault(module, types.ModuleType(module)).__dict__[name] = made
    return made


def values_with_objects():
    order = stand_in("shop.models", "Order")()
    order.id, order.lines = 7, [("pen", decimal.Decimal("1.50"))]
    offset = datetime.timezone(datetime.timedelta(hours=-5), "EST")
    ordered = collections.OrderedDict(a=1, b=[])
    ordered.note = "kept"
    yield datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
    yield datetime.datetime(1, 1, 1, tzinfo=offset)
    yield datetime.date(2024, 2, 29)
    yield datetime.time(1, 2, 3, 4, datetime.timezone.utc, fold=1)
    yield datetime.timedelta(-1, 2, 3)
    yield offset
    numbers = ("-1.5E+3", "sNaN12", "Infinity", "0E-1999999999999999997")
    yield from (decimal.Decimal(number) for number in numbers)
    yield uuid.UUID(int=5)
    yield uuid.UUID(int=1 << 127, is_safe=uuid.SafeUUID.safe)
    yield from (ordered, order)
    moments = {decimal.Decimal(1), datetime.date.min}
    yield [order, order, {uuid.UUID(int=1): order}, moments, ValueError(order)]


def pickles_with_objects():
    """Yields pickles that a reader accepts only if these classes are added to it."""
    call = stand_in("patio.broker.tcp.broker", "CallRequest")()
    for v in values_with_objects():
        vars(call).update(func="mul", args=(v,), kwargs={"other": v}, timeout=None)
        yield from (pickle.dumps(each, protocol) for each in (v, call) for protocol in range(6))
    yield b"ccopy_reg\n__newobj__\n(cshop.models\nOrder\ntR(Vid\nI7\ndb."
    # With arguments, items, entries and state.
    yield b"cshop.models\nOrder\n(I1\ntR(I2\ne(I3\nI4\nu(Vid\nI7\ndb."
    yield b"cshop.models\nOrder\n)\x81q\1}Vme\nh\1sb."  # holds itself
    yield b"cuuid\nUUID\n)\x81."  # without its state


def streams():
    """Yields both directions of each recorded session, each in one piece."""
    for row in rows("sessions.jsonl"):
        for way in "<>":
            yield b"".join(bytes.fromhex(piece) for side, piece in row["bytes"] if side == way)


def frames_of(stream):
    while len(stream) >= 9:
        kind, size, serial = struct.unpack(">bII", stream[:9])
        yield kind, serial, stream[9 : 9 + size]
        stream = stream[9 + size :]


def logins():
    challenge = pickle.dumps(b"0123456789abcdef", 5)
    for salt in (b"", b"salt", b"12345678"):
        digest = hashlib.blake2s(challenge, key=b"secret", salt=salt).digest()
        for protocol in (3, 4, 5):
            yield b"\0" + pickle.dumps((salt, digest, challenge), protocol)
            parts = [b"B" + struct.pack("<I", len(b)) + b for b in (salt, digest, challenge)]
            yield b"\0" + b"(" + b"".join(parts) + b"t."
    yield b"\1" + challenge
    extensions = {"version": 1, "extensions": ["cancel", "leaving", "endings", "credit", "other"]}
    for announced in (None, {"patio": extensions}, {"patio": []}):
        yield b"\2" + pickle.dumps(announced, 4)
    for names in (["mul", "div"], [], None, "abc", {"a": 1}, [1], ["x" * 600], ["a", "a"],
                  ["\ud800"]):
        yield b"\3" + pickle.dumps(names, 4)


def cut_streams():
    for stream in streams():
        for judgement in range(8):
            for cuts in (b"", b"\1", b"\x09", b"\0\5\x80", b"\xff"):
                yield bytes([judgement | len(cuts) << 3]) + cuts + stream[:500]


def sessions():
    """Yields commands of session.cpp: connect and log in, then the frames of recorded sessions
    among calls, answers and time."""
    begin = bytes([0, 0, 1, 0, 2, 0, 7])
    yield begin
    for stream in streams():
        for kind, serial, payload in frames_of(stream):
            if kind >= 5:
                frame_begin = bytes([3, 0, kind, serial % 256, min(len(payload), 255)])
                yield begin + frame_begin + payload[:255] + bytes([9, 0, 8, 4])
    for payload in list(pickles())[::12]:
        call = bytes([5, 0, 0, 1, 20, 0, min(len(payload), 255)])
        yield begin + call + payload[:255] + bytes([8, 200])
    everything = [bytes([command, a, b, c])
                  for command in range(16) for a in (0, 1) for b in (0, 7) for c in (3, 90)]
    yield from (begin + step for step in everything)
    yield begin + b"".join(everything[::3])
    linked = bytes([13, 7, 14, 255, 14, 255, 14, 255, 14, 255])
    yield linked
    yield from (linked + step + bytes([14, 99, 9, 0, 14, 99, 8, 9]) for step in everything)
    yield linked + b"".join(everything[::5])


def readings(*tiny):
    """Yields pickles in the forms of pickles.hpp: the first byte modulo 3 is the form, 0x40 adds
    classes, and 0x80, if given, makes the limits tiny."""
    for added, all_of in ((0, pickles()), (0x40, pickles_with_objects())):
        yield from (bytes([added | first]) + p for p in all_of for first in (0, 1, 2, *tiny))


def redis_words(bulks):
    return b"*%d\r\n" % len(bulks) + b"".join(b"$%d\r\n%s\r\n" % (len(b), b) for b in bulks)


def redis_inputs():
    """Yields inputs of redis.cpp: recorded replies, tasks and results, and what a server sends to a
    node."""
    for row in rows("redis.jsonl"):
        if row["kind"] == "odd-task":
            yield b"\1" + bytes.fromhex(row["task"])
            continue
        stream = bytes.fromhex(row["bytes"])
        yield b"\0\0" + stream
        yield b"\0\3\1\5\2" + stream
        if b"RPUSH" in stream:
            body = stream.rsplit(b"\r\n", 2)[-2]
            yield b"\1" + body if row["side"] == "client" else b"\2\1" + body
    task = pickle.dumps({"method": "mul", "args": (6, 7), "kwargs": {}, "reply_to": "t.00000000-0000-0000-0000-000000000001"})
    popped = redis_words([b"mul", task])
    claimed = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:5000\r\n:1\r\n"
    stored = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n"
    parts = [popped, claimed, stored, b"*-1\r\n", b":1\r\n", b":0\r\n", b"-OOM no\r\n",
             b"-EXECABORT no\r\n", b"-NOAUTH no\r\n", b"-LOADING wait\r\n",
             redis_words([b"p.id1:result", pickle.dumps(42)]),
             redis_words([b"p.id2:error", pickle.dumps(ValueError("x"))])]

    def sent(link, stream):
        return b"".join(bytes([30 << 3 | link]) + stream[i:i + 31]
                        for i in range(0, len(stream), 31))

    for link in range(8):
        for part in parts:
            yield b"\3" + sent(link, part) + b"\xff"
        yield b"\3" + sent(link, b"".join(parts))
    yield b"\3" + sent(5, popped) + sent(4, claimed + stored) + b"\xff\xff"


def amqp_inputs():
    """Yields inputs of amqp.cpp, made from frames of RabbitMQ and of the Python plugin."""
    for row in rows("amqp.jsonl"):
        frames = [bytes.fromhex(row[key]) for key in ("frame", "method_frame", "header_frame")
                  if key in row]
        bodies = [bytes.fromhex(row[key]) for key in ("body", "reply_body") if key in row]
        for each in frames:
            yield bytes([2]) + each[7:-1]
            yield bytes([0, 200]) + each
            yield bytes([1, 200]) + each[:1] + b"\0\3" + each[3:]
        for each in bodies:
            yield bytes([2]) + each
            for kind in (64, 65 + 8, 64 + 8, 64 + 16, 2, 130):
                yield bytes([3, kind, min(len(each), 255)]) + each[:255]
        yield bytes([1, 7]) + b"".join(frames)


targets = {
    "amqp": amqp_inputs,
    "frames": cut_streams,
    "login": logins,
    "pickle_reader": lambda: readings(0x80),
    "pickle_roundtrip": readings,
    "redis": redis_inputs,
    "session": sessions,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("longest", nargs="?", type=int, default=4096,
                        help="the bytes of the longest seed that is written (%(default)s)")
    return parser.parse_args()


def main():
    options = arguments()
    for name, seeds in targets.items():
        place = options.folder / name
        place.mkdir(parents=True, exist_ok=True)
        for seed in seeds():
            if len(seed) <= options.longest:
                (place / hashlib.sha1(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main()
