"""The count and the command line of every peer written in Python."""

import os
import sys

MASK = 2**64 - 1


def see(items):
    """Sums the items, to check that all peers did the same work.

    After the row PAUSE_AT of the environment it prints `paused` and waits for a line."""
    rows = total = 0
    pause_at = int(os.environ.get("PAUSE_AT", 0))
    for item in items:
        rows += 1
        # The table's names are ASCII, so characters count bytes.
        total = (total * 31 + item.id + len(item.name) + len(item.photo)) & MASK
        if rows == pause_at:
            print("paused", flush=True)
            sys.stdin.readline()
    return f"{rows} {total}"


def run(prepare, ways):
    """Walks STORE in the way WAY, from the arguments."""
    if len(sys.argv) != 3:
        sys.exit("error: give WAY and STORE")
    way, store = sys.argv[1:]
    if way not in ways:
        sys.exit(f"error: no such way: {way}")
    print(see(ways[way](prepare(store))))
