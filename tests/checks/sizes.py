"""Fails, naming each place, where the C++ of the tree is too large: a file of more than 350 lines, a
function of more than 40 lines, or a class with more than 30 member functions or 15 data fields.

A function is measured from the line of its name to its closing brace, with the lambdas in it. A test
case is a function. Two kinds of class are exempt: a class without member functions may have any
number of fields, and patio::value may have any number of functions.

Exits with 77 if universal-ctags is not installed.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys

FOLDERS = ("libpatio", "actors", "apps", "tests", "examples")
FILE_LINES = 350
FUNCTION_LINES = 40
CLASS_FUNCTIONS = 30
CLASS_FIELDS = 15
EXEMPT = "patio::value"


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    return parser.parse_args()


def has_ctags():
    try:
        version = subprocess.run(["ctags", "--version"], stdout=subprocess.PIPE, text=True).stdout
    except FileNotFoundError:
        return False
    return "Universal Ctags" in version and "+json" in version


def sources(tree):
    return sorted(path.relative_to(tree) for folder in FOLDERS
                  for path in (tree / folder).rglob("*.[ch]pp"))


def read_tags(tree, files):
    command = [
        "ctags", "-f", "-", "--output-format=json", "--languages=C++", "--langmap=C++:.cpp.hpp",
        "--kinds-C++=cfmpsu", "--fields=+neSs", "--fields-C++=+{properties}",
        "-D", "TEST_CASE(name)=void test_case()", "-I", "PATIO_API,PATIO_INTERNAL_API", "-L", "-",
    ]
    names = "".join(f"{name}\n" for name in files)
    ended = subprocess.run(command, cwd=tree, input=names, stdout=subprocess.PIPE, text=True,
                           check=True)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def qualified(tag):
    return f"{tag['scope']}::{tag['name']}" if "scope" in tag else tag["name"]


def is_lambda(tag):
    return tag["kind"] == "function" and tag["name"].startswith("__anon")


def long_files(tree, files):
    for name in files:
        lines = (tree / name).read_text().count("\n")
        if lines > FILE_LINES:
            yield f"{name}:1: the file has {lines} lines, more than {FILE_LINES}"


def long_functions(tags):
    for tag in tags:
        lines = tag.get("end", 0) - tag["line"] + 1
        if tag["kind"] == "function" and not is_lambda(tag) and lines > FUNCTION_LINES:
            place = f"{tag['path']}:{tag['line']}"
            yield f"{place}: {tag['name']}() has {lines} lines, more than {FUNCTION_LINES}"


def members(tags):
    """Yields each class with its members. A definition outside the class is not a second member."""
    by_scope = collections.defaultdict(list)
    for tag in tags:
        if not is_lambda(tag):
            by_scope[tag["path"], tag.get("scope")].append(tag)
    for owner in tags:
        if owner["kind"] in ("class", "struct"):
            inside = by_scope[owner["path"], qualified(owner)]
            yield owner, [t for t in inside if owner["line"] <= t["line"] <= owner["end"]]


def large_classes(tags):
    for owner, inside in members(tags):
        functions = sum(tag["kind"] in ("function", "prototype") for tag in inside)
        fields = sum(tag["kind"] == "member" and "static" not in tag.get("properties", "")
                     for tag in inside)
        place = f"{owner['path']}:{owner['line']}: {owner['kind']} {owner['name']}"
        if functions > CLASS_FUNCTIONS and qualified(owner) != EXEMPT:
            yield f"{place} has {functions} member functions, more than {CLASS_FUNCTIONS}"
        if fields > CLASS_FIELDS and functions > 0:
            yield f"{place} has {fields} data fields, more than {CLASS_FIELDS}"


def main():
    tree = arguments().tree
    if not has_ctags():
        print("skipped: universal-ctags is not installed (sh apps/packages.sh tests)")
        return 77
    files = sources(tree)
    if not files:
        print(f"sizes.py: there is no C++ in {tree}", file=sys.stderr)
        return 1
    tags = read_tags(tree, files)
    found = [*long_files(tree, files), *long_functions(tags), *large_classes(tags)]
    print(*sorted(found), sep="\n", end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
