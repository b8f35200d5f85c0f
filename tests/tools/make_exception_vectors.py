"""Writes tests/data/exceptions.jsonl for exception_vectors_test.cpp: pickled exceptions, and how
CPython 3.11 prints them.

    PYTHONHASHSEED=0 python3.11 tests/tools/make_exception_vectors.py > tests/data/exceptions.jsonl

Each line is {"name": ..., "protocol": n, "pickle": hex, "type": path, "notes": [texts]} with either
"str": str(exception), or "shows": words of the message. The second form is for exceptions that
carry parts which no other program can decode, or whose class has a __str__ of its own.
"""
import argparse
import asyncio
import collections
import configparser
import datetime
import decimal
import enum
import fractions
import functools
import gzip
import http.client
import importlib.metadata
import io
import json
import pathlib
import pickle
import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import uuid
import xml.etree.ElementTree
import zoneinfo


class RefusedError(Exception):
    def __init__(self, code, *, detail=None):
        super().__init__(f"refused with code {code}")
        self.code, self.detail = code, detail


class Worded(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code

    def __str__(self):
        return f"code {self.code}"


class Quota(Exception):
    def __reduce__(self):
        return rebuilt, (type(self), self.args, {"since": datetime.date(2024, 2, 29)})


class Silent(Exception):
    pass


class Colour(enum.Enum):
    RED = 1


class Order:
    def __init__(self, number):
        self.number, self.self = number, self


class Keyed(Exception):
    def __init__(self, *, number):
        super().__init__(number)

    def __reduce__(self):
        return functools.partial(Keyed, number=self.args[0]), ()


def rebuilt(cls, args, state):
    made = cls(*args)
    made.__dict__.update(state)
    return made


def raised(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as why:
        return why
    raise AssertionError("nothing was raised")


def noted(exception, *notes):
    for note in notes:
        exception.add_note(note)
    return exception


def with_attributes(exception, **attributes):
    exception.__dict__.update(attributes)
    return exception


def of_itself(exception):
    exception.itself = exception
    return noted(exception, "refers to itself")


UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
NO_FILE = "No such file or directory"
CHARACTERS = "a\u00e9\u20ac\U0001f600"

EXACT = {
    "file name": raised(open, "/nonexistent/file"),
    "two file names": FileNotFoundError(2, NO_FILE, "/nonexistent/a", None, "/nonexistent/b"),
    "only the second file name": OSError(2, "x", None, None, "b"),
    "file name of bytes": OSError(13, "Permission denied", b"/srv/\xff"),
    "file descriptor": OSError(9, "Bad file descriptor", 7),
    "path": PermissionError(1, "Operation not permitted", pathlib.PurePosixPath("/srv/data")),
    "no errno but a name": OSError(None, "x", "f"),
    "errno and text": ConnectionRefusedError(111, "Connection refused"),
    "errno alone": OSError(2),
    "bytes written": BlockingIOError(11, "Resource temporarily unavailable", 5),
    "timeout": TimeoutError("no answer"),
    "key": KeyError("a'b"),
    "two keys": KeyError("a", 1),
    "no key": KeyError(),
    "decode": raised(b"ab\xff".decode),
    "decode two bytes": raised(b"\xe2\x82".decode),
    "encode": raised(CHARACTERS.encode, "ascii"),
    "exit": SystemExit(3),
    "stop": StopIteration(3),
    "interrupt": KeyboardInterrupt(),
    "group": ExceptionGroup("two", [ValueError("a"), KeyError("k")]),
    "group of one": ExceptionGroup("one", [RefusedError(1)]),
    "base group": BaseExceptionGroup("one", [SystemExit(3)]),
    "syntax": SyntaxError("invalid syntax", ("/srv/f.py", 1, 3, "a b\n", 1, 4)),
    "syntax without a file": SyntaxError("invalid syntax", (None, 7, 3, "a b\n", 1, 4)),
    "no arguments": ValueError(),
    "None": ValueError(None),
    "several arguments": ValueError(1, None, "a", b"b", (1.5,)),
    "list": ValueError([1, "a"]),
    "empty text": ValueError(""),
    "lines": ValueError("one\ntwo"),
    "import": raised(__import__, "nonexistent_module"),
    "name and path": ImportError("x", name="a", path="b"),
    "attribute": raised(lambda: None.nonexistent),
    "class as a part": raised(decimal.Decimal, "x"),
    "class": TypeError(ValueError),
    "builtin class": TypeError(int, "is no", str),
    "exit status": subprocess.CalledProcessError(1, ["false", "-x"], b"out", b"err"),
    "signal": subprocess.CalledProcessError(-9, "kill -9 $$"),
    "unknown signal": subprocess.CalledProcessError(-99, "true"),
    "subprocess timeout": subprocess.TimeoutExpired(["sleep", "9"], 1.5),
    "json": raised(json.loads, '{\n "\u20ac": x'),
    "json at the end": raised(json.loads, '{"a":\n'),
    "gaierror": socket.gaierror(-2, "Name or service not known"),
    "herror": socket.herror(1, "Unknown host"),
    "ssl": ssl.SSLError(1, "[SSL] record layer failure"),
    "ssl without errno": ssl.SSLError("boo"),
    "url": urllib.error.URLError("unknown host"),
    "url with an OSError": urllib.error.URLError(ConnectionRefusedError(111, "refused")),
    "regular expression": raised(re.compile, "("),
    "incomplete read": asyncio.IncompleteReadError(b"abc", 5),
    "incomplete read until": asyncio.IncompleteReadError(b"abc", None),
    "section": raised(configparser.ConfigParser().get, "a", "b"),
    "time zone": zoneinfo.ZoneInfoNotFoundError("No time zone found with key No/Where"),
    "package": importlib.metadata.PackageNotFoundError("nonexistent"),
    "unsupported": io.UnsupportedOperation("not readable"),
    "same file": shutil.SameFileError("a and b are the same file"),
    "gzip": gzip.BadGzipFile("Not a gzipped file (b'ab')"),
    "xml": raised(xml.etree.ElementTree.fromstring, "<a>"),
    "disconnected": http.client.RemoteDisconnected("Remote end closed"),
    "date": ValueError(datetime.date(24, 2, 9)),
    "datetime": ValueError(datetime.datetime(2024, 1, 2, 3, 4, 5)),
    "datetime with a zone": ValueError(datetime.datetime(2024, 1, 2, 3, 4, 5, 60, tzinfo=EAST)),
    "time": ValueError(datetime.time(3, 4, 5, 6, tzinfo=UTC)),
    "timezone": ValueError(UTC),
    "eastern timezone": ValueError(EAST),
    "named timezone": ValueError(datetime.timezone(datetime.timedelta(hours=-3), "BRT")),
    "days": ValueError(datetime.timedelta(days=-1, seconds=5, microseconds=7)),
    "two days": ValueError(datetime.timedelta(days=2)),
    "parts of many kinds": ValueError(datetime.date(2024, 1, 1), decimal.Decimal("1.50")),
    "decimal": ValueError(decimal.Decimal("1.50")),
    "uuid": ValueError(uuid.UUID(int=5)),
    "pure path": ValueError(pathlib.PurePosixPath("/srv/data/x")),
    "relative path": ValueError(pathlib.PurePosixPath("data/x")),
    "empty path": ValueError(pathlib.PurePosixPath()),
    "Windows path": ValueError(pathlib.PureWindowsPath("C:/data/x")),
    "path beside a text": ValueError("not found", pathlib.PurePosixPath("/srv")),
    "ordered dict": ValueError(collections.OrderedDict(a=1)),
    "nested exception": ValueError(KeyError("k")),
    "nested own exception": RuntimeError(RefusedError(2)),
    "of a program": RefusedError(7),
    "with attributes": with_attributes(RefusedError(8), response=Order(1), when=datetime.date.min),
    "of itself": of_itself(ValueError("x")),
    "of itself, of a program": of_itself(Silent("x")),
    "silent": Silent(),
    "one note": noted(ValueError("bad record"), "while reading line 17"),
    "notes": noted(RefusedError(9), "one", "two\nlines", ""),
    "notes beside attributes": noted(with_attributes(OSError(2, NO_FILE, "f"), a=Order(3)), "n"),
    "rebuilt by a function": Quota("too many", 5),
}

SHOWN = {
    "own text": (Worded(4), ["4"]),
    "enumeration": (ValueError(Colour.RED), ["Colour"]),
    "object": (ValueError(Order(5)), ["Order", "'number': 5"]),
    "function": (ValueError(rebuilt), ["rebuilt"]),
    "range": (ValueError(range(3)), ["range(0, 3, 1)"]),
    "deque": (ValueError(collections.deque([1, 2], 9)), ["deque", "1, 2"]),
    "counter": (ValueError(collections.Counter("aab")), ["Counter", "'a': 2"]),
    "defaultdict": (ValueError(collections.defaultdict(list, a=[1])), ["defaultdict", "'a': [1]"]),
    "fraction": (ValueError(fractions.Fraction(1, 3)), ["Fraction", "1, 3"]),
    "partial": (ValueError(functools.partial(rebuilt, 5)), ["partial", "5"]),
    "method": (ValueError([].append), ["append"]),
    "keyword arguments": (Keyed(number=5), []),
    "own exception inside": (ValueError("a", RefusedError(3)), ["'a'", "RefusedError('refused with code 3')"]),
    "set of objects": (ValueError({datetime.date(2024, 1, 1)}), ["datetime.date(2024, 1, 1)"]),
    "ellipsis": (ValueError(...), ["Ellipsis"]),
}


def cyclic_list():
    made = [1]
    made.append(made)
    return made


def deep():
    made = []
    for _ in range(200):
        made = [made]
    return made


SALVAGED = {
    "cycle": (ValueError("a", cyclic_list()), ["'a'", "undecodable", "cycles"]),
    "cycle of a program's": (Silent(cyclic_list()), ["undecodable", "cycles"]),
    "too deep": (KeyError("k", deep()), ["'k'", "undecodable", "nested deeper than 128"]),
    "too deep attribute": (with_attributes(ValueError("x"), deep=deep()), ["x"]),
}


def row(name, protocol, exception):
    data = pickle.dumps(exception, protocol)
    path = f"{type(exception).__module__}.{type(exception).__qualname__}"
    return {"name": name, "protocol": protocol, "pickle": data.hex(), "type": path,
            "notes": getattr(exception, "__notes__", [])}


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    assert sys.version_info[:2] == (3, 11), "other versions print other texts"
    for name, exception in EXACT.items():
        for protocol in (4, 5):
            print(json.dumps(row(name, protocol, exception) | {"str": str(exception)}))
    for group in (SHOWN, SALVAGED):
        for name, (exception, words) in group.items():
            salvaged = {"salvaged": True} if group is SALVAGED else {}
            print(json.dumps(row(name, 5, exception) | {"shows": words} | salvaged))


if __name__ == "__main__":
    main()
