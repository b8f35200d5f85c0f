"""Finds loopback ports for servers that cannot choose a port themselves.

    python3 free_ports.py [COUNT]

Prints COUNT ports in one line. The ports are below those that the kernel gives to sockets without a
port of their own. Otherwise a connection of another test could take a port before its server does,
or while the server restarts.
"""
import pathlib
import random
import socket
import sys

LOWEST = 10_000


def free_ports(count):
    ephemeral = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    ports = []
    for port in random.SystemRandom().sample(range(LOWEST, int(ephemeral)), 1000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    sys.exit(f"free_ports.py: fewer than {count} of 1000 ports are free")


if __name__ == "__main__":
    if len(sys.argv) > 2 or not all(word.isdecimal() for word in sys.argv[1:]):
        sys.exit(f"free_ports.py: {' '.join(sys.argv[1:])} is no count; usage: free_ports.py [COUNT]")
    print(*free_ports(int((sys.argv[1:] or ["1"])[0])))
