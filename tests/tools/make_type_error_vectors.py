"""Writes tests/data/type_errors.jsonl: every small call of a few functions. For each call, CPython
3.11 gives the arguments that the function sees or the text of the TypeError.
tests/libpatio/functions/function_vectors_test.cpp has the same functions.

    python3.11 tests/tools/make_type_error_vectors.py > tests/data/type_errors.jsonl
"""
import argparse
import itertools
import json


def none():
    return ()


def one(a):
    return (a,)


def two(a, b):
    return (a, b)


def three(a, b, c):
    return (a, b, c)


def four(a, b, c, d):
    return (a, b, c, d)


def maybe(a=None):
    return (a,)


def some(a, b=None, c=None):
    return (a, b, c)


def rest(a, *args):
    return (a, args)


def named(a, **kwargs):
    return (a, kwargs)


def both(a, b=None, *args, **kwargs):
    return (a, b, args, kwargs)


def anything(*args, **kwargs):
    return (args, kwargs)


FUNCTIONS = [none, one, two, three, four, maybe, some, rest, named, both, anything]


def row(function, args, kwargs):
    keywords = [[name, kwargs[name]] for name in kwargs]
    call = {"function": function.__name__, "args": args, "kwargs": keywords}
    try:
        return {**call, "result": repr(function(*args, **kwargs))}
    except TypeError as e:
        return {**call, "error": str(e)}


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    keywords = [names for n in range(3) for names in itertools.permutations("abcz", n)]
    for function in FUNCTIONS:
        for count in range(6):
            for names in keywords:
                args = list(range(1, count + 1))
                kwargs = {name: 10 + i for i, name in enumerate(names)}
                print(json.dumps(row(function, args, kwargs)))


if __name__ == "__main__":
    main()
