"""Writes tests/data/digest.jsonl: BLAKE2s digests by Python's hashlib, for keys and salts of every
length and messages up to 300 bytes.

    python3 tests/tools/make_digest_vectors.py > tests/data/digest.jsonl
"""
import argparse
import hashlib
import json
import random


def row(rng, key_size, salt_size, size):
    key, salt, data = rng.randbytes(key_size), rng.randbytes(salt_size), rng.randbytes(size)
    digest = hashlib.blake2s(data, key=key, salt=salt).hexdigest()
    return {"key": key.hex(), "salt": salt.hex(), "data": data.hex(), "digest": digest}


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rng = random.Random(20240611)
    # The smallest and largest sizes, and sizes around the block of 64 bytes.
    sizes = [(0, 0, 0), (32, 8, 64), (32, 8, 128), (1, 1, 63), (0, 8, 65)]
    sizes += [(key_size, salt_size, rng.randint(0, 300))
              for key_size in range(33) for salt_size in range(9)]
    for each in sizes:
        print(json.dumps(row(rng, *each)))


if __name__ == "__main__":
    main()
