"""Shows that documents.py and document_commands.py can fail.

A small good document passes, and each bad line and bad command is found.
"""
import argparse
import pathlib
import sys
import tempfile

import document_commands
import documents

GOOD = """# Title

A [link](#title), a `good_name`, `patio serve`, `--listen`, `examples/good.cpp`.

<!-- test: 100 => 1 -->
```sh
sh -c 'echo 100' # prints 1
sh -c 'exit 3'   # exit code 3
cmake --preset good
```

```cpp
int good_name;
```
"""

# Wrong lines, and a part of the error that the check must report for them.
BAD_LINES = [
    ("x" * 101, "101 columns"),
    ("[gone](gone.md)", "does not exist"),
    ("[gone](#gone)", "a heading that README.md does not have"),
    ("    patio serve", "indented by four"),
    ("\n" * 130, "more than 130 lines"),
    ("`sh tests/gone.sh`", "no shell block runs"),
    ("`patio gone`", "no shell block runs"),
    ("`--gone`", "no flag --gone"),
    ("`tests/gone`", "there is no tests/gone"),
    ("`lost_name`", "no source has the name lost_name"),
    ("`patio::gone`", "no source has the name gone"),
    ("```perl\n```", "a block is one of"),
    ("```cpp\nint gone;\n```", "line for line"),
    ("```cmake\ngone()\n```", "does not configure"),
    ("<!-- test: 5 => 1 -->\n```sh\ncmake\n```", "shortens what is not there"),
]

BAD_COMMANDS = [
    ("gone --now", "unknown program gone"),
    ("sh -c 'exit 3'", "exit code 3"),
    ("sh -c 'exit 0' # exit code 3", "exit code 0"),
    ("sh -c 'echo a' # prints b", "prints a, not b"),
    ("cmake --preset gone", "exit code 1"),
    ("sh -c 'echo hello' &", "is not ready"),
    ("sh -c 'trap \"\" TERM; echo listening on $0; exit 3' 127.0.0.1:1 &", "ended with 3"),
]


def make_tree(folder):
    for name in documents.FOLDERS:
        (folder / name).mkdir()
    (folder / ".ci").mkdir()
    (folder / "tests/examples").mkdir()
    (folder / "examples/good.cpp").write_text("int good_name;\n")
    (folder / "CMakeLists.txt").write_text("")
    (folder / "CMakePresets.json").write_text('{"name": "good"}')
    (folder / "tests/examples/CMakeLists.txt").write_text("foreach(document README)\n")


def found_in(tree, text, build):
    """Returns the problems of a document, including those of its commands."""
    (tree / "README.md").write_text(text)
    problems = documents.check_all(build)
    return problems + document_commands.run_commands("README.md", build)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path, help="the tree that was built")
    build = parser.parse_args().build.resolve()
    documents.NOT_RUN.clear()
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        documents.SOURCE = pathlib.Path(folder)
        make_tree(documents.SOURCE)
        if problems := found_in(documents.SOURCE, GOOD, build):
            missed.append(f"the good document was refused: {problems}")
        cases = BAD_LINES + [(f"```sh\n{c}\n```", says) for c, says in BAD_COMMANDS]
        for text, says in cases:
            problems = found_in(documents.SOURCE, f"{GOOD}\n{text}\n", build)
            if not any(says in p for p in problems):
                missed.append(f"not found: {text}\n  should be: {says}\n  but was: {problems}")
    print("\n".join(missed) or f"all {len(cases)} mistakes were found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
