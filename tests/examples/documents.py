"""Checks every document of the project, except for the shell commands in it.

Lines have at most 100 columns. Links, paths, names of the code, flags and programs that a document
mentions exist. C++ and Python blocks are lines of a file in examples/, which the tests compile and
run. The CMake block configures. An HTML comment above a shell block shortens what takes long:
<!-- test: 100000 => 1000; 60 => 1 -->. document_commands.py runs the shell blocks.
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
COLUMNS, LINES_OF_FRONT_PAGE = 100, 130
LANGUAGES = {"sh", "cpp", "python", "cmake", "text"}
CODE_ENDS = {".cpp", ".hpp", ".py", ".sh", ".in", ".cmake", ".txt", ".json", ".jsonl", ".expected"}
FOLDERS = ("actors", "apps", "examples", "libpatio", "tests")
# Names in the documents that come from other projects.
FOREIGN = {
    "add_tcp_scribe", "set_cover_merge", "use_counters",
    # Celery
    "apply_async", "autoretry_for", "acks_late", "visibility_timeout", "soft_time_limit",
    "worker_prefetch_multiplier", "result_backend", "task_routes",
    "--concurrency", "--max-tasks-per-child", "--max-memory-per-child"}

# The programs that a document's commands may start. Any other program fails the check.
PROGRAMS = {"cd", "cmake", "cpack", "ctest", "export", "kill", "openssl", "patio", "python3", "sh"}

# Commands that the test does not run: the reason, a file, and a text in that file which shows that
# another test covers the command.
NOT_RUN = {
    "sh tests/fuzz/run.sh": (
        "builds with clang and fuzzes for minutes; fuzz_target.sh, which it runs, is a test",
        "tests/fuzz/CMakeLists.txt", "fuzz_target.sh"),
    "sh tests/checks/format.sh": (
        "needs clang-format, which the tests do not install; the CI runs it first",
        ".ci/run", "tests/checks/format.sh"),
    "sh tests/install/chroot.sh": (
        "needs root and a Debian mirror; the tests of the label install build the same programs",
        "tests/install/CMakeLists.txt", "user.sh"),
    "sh tests/install/abi.sh": (
        "rewrites files of the source; a test compares with them instead",
        "tests/install/CMakeLists.txt", "abi.sh"),
    "build/release/tests/bench/codec_bench": (
        "is built only where Google Benchmark is installed, and judges nothing",
        "tests/bench/CMakeLists.txt", "codec_bench"),
}


def first_words(command):
    """Yields the programs of a pipeline without the assignments in front of them."""
    for part in re.split(r" \| ", command):
        words = [w for w in shlex.split(part, comments=True) if not re.match(r"[A-Z_]+=", w)]
        if words:
            yield words[0]


def is_allowed(program):
    return program in PROGRAMS or program.startswith("build/")


def not_run(command):
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


class Document:
    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(SOURCE))
        self.lines = path.read_text().splitlines()
        self.blocks = []   # (language, first line number, lines, the comment above)
        self.prose = []    # (line number, line)
        self.problems = []
        self.parse()

    def problem(self, number, text):
        self.problems.append(f"{self.name}:{number}: {text}")

    def parse(self):
        block, comment = None, ""
        for number, line in enumerate(self.lines, 1):
            fence = re.fullmatch(r"```(\w*)", line)
            if block is not None and fence:
                self.blocks.append(block)
                block, comment = None, ""
            elif block is not None:
                block[2].append(line)
            elif fence:
                block = (fence[1], number + 1, [], comment)
                if fence[1] not in LANGUAGES:
                    self.problem(number, f"a block is one of {sorted(LANGUAGES)}, not '{fence[1]}'")
            else:
                self.prose.append((number, line))
                said = re.fullmatch(r"<!-- test: (.*) -->", line)
                comment = said[1] if said else comment if not line else ""
        if block is not None:
            self.problem(block[1], "the block does not end")


def all_documents():
    paths = [SOURCE / "README.md", *(p for f in FOLDERS for p in (SOURCE / f).rglob("*.md"))]
    return [Document(path) for path in sorted(paths)]


def code_words():
    """Returns every word in the sources. A name in a document must be one of them."""
    words = set()
    for folder in (*FOLDERS, ".ci"):
        for path in (SOURCE / folder).rglob("*"):
            if path.is_file() and (path.suffix in CODE_ENDS or path.suffix == ""):
                if "corpus" not in path.parts and "data" not in path.parts:
                    words |= set(re.findall(r"\w+", path.read_text(errors="replace")))
    words |= set(re.findall(r"\w+", (SOURCE / "CMakeLists.txt").read_text()))
    return words | set(re.findall(r"\w+", (SOURCE / "CMakePresets.json").read_text()))


def known_flags(build):
    """Returns the flags and the subcommands that --help lists."""
    text = ""
    for words in ([], ["serve"], ["call"], ["list"], ["ping"], ["bench"], ["mesh"]):
        text += subprocess.run([build / "apps" / "patio", *words, "--help"], text=True, check=True,
                               stdout=subprocess.PIPE).stdout
    subcommands = set(re.findall(r"^  (\w+) {4,}", text, re.M))
    return set(re.findall(r"--[a-z-]+", text)), subcommands


def check_lengths(doc):
    for number, line in enumerate(doc.lines, 1):
        if len(line) > COLUMNS:
            doc.problem(number, f"{len(line)} columns, more than {COLUMNS}")
    if doc.name == "README.md" and len(doc.lines) > LINES_OF_FRONT_PAGE:
        doc.problem(len(doc.lines), f"more than {LINES_OF_FRONT_PAGE} lines")


def check_links(doc):
    for number, line in doc.prose:
        if re.match(r" {4,}\S|\t", line) and not re.match(r" *([-*]|\d+\.) ", line):
            doc.problem(number, "indented by four: code stands in a fenced block, where it is run")
        for target in re.findall(r"\]\(([^)]*)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"https?://", target):
                continue
            file, _, anchor = target.partition("#")
            path = doc.path.parent / file if file else doc.path
            if not path.exists():
                doc.problem(number, f"links to {target}, which does not exist")
            elif anchor and anchor not in anchors(path):
                doc.problem(number, f"links to a heading that {path.name} does not have: #{anchor}")


def anchors(path):
    titles = re.findall(r"^#+ (.*)", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", t).strip().lower().replace(" ", "-") for t in titles}


def check_code_spans(doc, words, flags, subcommands, run):
    """Checks the text in backticks: commands, paths, flags, and names with an underscore or ::."""
    for number, line in doc.prose:
        for span in re.findall(r"`([^`]+)`", line):
            first, *rest = span.split() or [""]
            if is_allowed(first) and rest:
                if first == "patio" and len(rest) == 1 and rest[0] in subcommands:
                    continue
                if not any(c.startswith(span) for c in run) and not NOT_RUN.get(span):
                    doc.problem(number, f"no shell block runs `{span}`")
            elif first.startswith("--") and first != "--":
                if first not in flags | FOREIGN:
                    doc.problem(number, f"patio has no flag {first}")
            elif re.match(rf"({'|'.join(FOLDERS)})/[\w./]*$", span):
                if not (SOURCE / span).exists():
                    doc.problem(number, f"there is no {span}")
            else:
                check_names(doc, number, span, words)


def check_names(doc, number, text, words):
    for name in re.findall(r"[A-Za-z]\w*_\w+|(?<=::)\w+", text):
        if name not in words | FOREIGN and not name.endswith("_"):
            doc.problem(number, f"no source has the name {name}")


def check_blocks(doc, words):
    for language, number, lines, _ in doc.blocks:
        if language == "text":
            for offset, line in enumerate(lines):
                check_names(doc, number + offset, line, words)
        if language in ("cpp", "python") and not is_in_an_example(language, lines):
            doc.problem(number, "this is not what a file in examples/ has, line for line")
        if language == "cmake":
            check_cmake(doc, number, lines)


def is_in_an_example(language, lines):
    """Returns whether an example has these lines in a row, all with the same extra indentation."""
    wanted = [line.rstrip() for line in lines]
    for path in sorted((SOURCE / "examples").glob("*.cpp" if language == "cpp" else "*.py")):
        has = path.read_text().splitlines()
        for at in range(len(has) - len(wanted) + 1):
            indent = has[at].removesuffix(wanted[0])
            if not indent.strip() and [indent + w if w else w for w in wanted] \
                    == has[at:at + len(wanted)]:
                return True
    return False


def check_cmake(doc, number, lines):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
        (folder / "mine.cpp").write_text("int main() {}\n")
        (folder / "patio").symlink_to(SOURCE)
        done = subprocess.run(["cmake", "-S", folder, "-B", folder / "build"], text=True,
                              capture_output=True)
        if done.returncode != 0:
            doc.problem(number, f"does not configure:\n{done.stdout}{done.stderr}")


def commands_of(block):
    """Returns a shell block's commands: line number, text as written, and text as the test runs it,
    and the changes of the comment above that no command has used."""
    _, number, lines, comment = block
    changes = [c.strip().split(" => ") for c in comment.split(";") if c.strip()]
    written, unused = [], {old for old, _ in changes}
    joined = ""
    for offset, line in enumerate(lines):
        joined += line[:-1] if line.endswith("\\") else line
        if not line.endswith("\\") and joined.strip() and not joined.startswith("#"):
            shortened = joined
            for old, new in changes:
                unused -= {old} if old in shortened else set()
                shortened = shortened.replace(old, new)
            written.append((number + offset, joined, shortened))
        joined = joined if line.endswith("\\") else ""
    return written, unused


def check_all(build):
    documents = all_documents()
    words, (flags, subcommands) = code_words(), known_flags(build)
    run = [" ".join(c.split()) for d in documents for b in d.blocks if b[0] == "sh"
           for _, c, _ in commands_of(b)[0]]
    registered = (SOURCE / "tests/examples/CMakeLists.txt").read_text().split("foreach(document")[1]
    registered = registered.split(")")[0].split()
    for doc in documents:
        check_lengths(doc)
        check_links(doc)
        check_code_spans(doc, words, flags, subcommands, run)
        check_blocks(doc, words)
        for block in doc.blocks:
            if block[0] == "sh" and (unused := commands_of(block)[1]):
                doc.problem(block[1], f"the comment above shortens what is not there: {unused}")
        if any(b[0] == "sh" for b in doc.blocks) and doc.name[:-3] not in registered:
            doc.problem(1, "tests/examples/CMakeLists.txt does not run its commands")
    for start, (_, file, text) in NOT_RUN.items():
        if text not in (SOURCE / file).read_text():
            documents[0].problem(0, f"`{start}` is said to be covered by {file}, which is not so")
        if not any(c.startswith(start) for c in run):
            documents[0].problem(0, f"no document has `{start}` any more: NOT_RUN names it")
    return [p for d in documents for p in d.problems]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path, help="the tree that was built")
    problems = check_all(parser.parse_args().build.resolve())
    print("\n".join(problems) or "the documents are right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
