#!/usr/bin/env python3
"""Writes the dashboards, or says which of them are not as this program would write them.

    dashboards/generate.py [--check]

What they show is in source/, in a file for each. {POOL}, {NODE} and {NODES} in a query stand for
the variables by which a dashboard's nodes are chosen. A panel with `empty` may have no data, and
says why.
"""

import json
import pathlib
import sys

from source import conntrack, fleet, grafana, migration, node, programming

HERE = pathlib.Path(__file__).parent


def main():
    """Writes what is not as it should be; with --check only names it."""
    checking = "--check" in sys.argv[1:]
    stale = []
    for source in (fleet, node, conntrack, programming, migration):
        name = source.__name__.rpartition(".")[2]
        text = json.dumps(grafana.dashboard(name, source), indent=1, ensure_ascii=False) + "\n"
        path = HERE / f"{name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if not checking:
                path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{'stale' if checking else 'written'}: {', '.join(stale)}")
    return 1 if stale and checking else 0


if __name__ == "__main__":
    sys.exit(main())
