"""Counts the lines of the programs that do six tasks with patio and with other systems, and checks
the table in examples/README.md.

A line counts if it is neither blank nor only a comment. Interface files and configuration that a
task needs count, too. The programs of patio are the examples, which the tests run. The programs of
the other systems are texts in six_tasks. They follow the quick starts of these systems, and are
not run.
"""
import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SYSTEMS = ("patio", "gRPC (C++)", "NATS micro (Go)", "Celery", "Ray")
# For each task, the files of each system in the order above. None: the system does not offer it.
TASKS = {
    "serve a function": (
        "readme_server.cpp", "grpc_add.proto grpc_serve.cc", "nats_serve.go", "celery_serve.py",
        "ray_serve.py"),
    "call it": ("readme_client.cpp", "grpc_call.cc", "nats_call.go", "celery_call.py",
                "ray_call.py"),
    "serve a struct": ("struct_server.cpp", "grpc_point.proto grpc_struct.cc", "nats_struct.go",
                       "celery_struct.py", "ray_struct.py"),
    "TLS both ways": (
        "tls_server.cpp tls_client.cpp", "grpc_add.proto grpc_tls_server.cc grpc_tls_client.cc",
        "nats_tls_server.go nats_tls_client.go nats_tls.conf",
        "celery_tls_server.py celery_tls_client.py", "ray_serve.py ray_call.py ray_tls.sh"),
    "survive a crash": ("process_workers.cpp", None, None,
                        "celery_crash.py celery_crash_client.py",
                        "ray_crash.py ray_crash_client.py"),
    "queue through Redis": ("redis_server.cpp redis_client.cpp", None, None,
                            "celery_serve.py celery_call.py", None),
}


def lines(name):
    example = ROOT / "examples" / name
    text = (example if example.exists() else HERE / "six_tasks" / f"{name}.txt").read_text()
    comment = "//" if example.suffix in (".cpp", ".cc", ".go", ".proto") else "#"
    return sum(1 for line in text.splitlines() if line.strip()
               and not line.strip().startswith(comment))


def count(names):
    return "-" if names is None else str(sum(map(lines, names.split())))


def table():
    yield f"| task | {' | '.join(SYSTEMS)} |"
    yield "| --- " * (len(SYSTEMS) + 1) + "|"
    for task, files in TASKS.items():
        yield f"| {task} | {' | '.join(map(count, files))} |"


def main():
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    wanted = list(table())
    print("\n".join(wanted))
    readme = (ROOT / "examples" / "README.md").read_text()
    if "\n".join(wanted) in readme:
        return 0
    print("six_tasks.py: examples/README.md does not have this table", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
