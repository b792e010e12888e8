#!/usr/bin/env python3
"""Writes the values of helm/kubecliff/README.md from the comments of values.yaml.

    helm/generate.py            writes
    helm/generate.py --check    exit code 1 where something would change
"""

import json
import pathlib
import re
import sys

import yaml

CHART = pathlib.Path(__file__).resolve().parent / "kubecliff"
MARK = "<!-- What follows is written by helm/generate.py from values.yaml. -->\n"
KEY = re.compile(r"( *)([\w.]+):")


def comments(text):
    """What is written above each key, by the key's path."""
    found, words, path = {}, [], []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            words.append(line.lstrip()[1:].strip())
            continue
        if key := KEY.match(line):
            path = path[:len(key[1]) // 2] + [key[2]]
            found[tuple(path)] = " ".join(words)
        words = []
    return found


def rows(text):
    """(path, default, comment) of each value. A map whose keys have no comments is one value."""
    told = comments(text)

    def below(path, tree):
        children = {name: told.get(path + (name,)) for name in tree} if isinstance(tree, dict) else {}
        if not any(children.values()) and not any(told.get(path + (a, b)) for a in children
                                                  for b in (tree[a] if isinstance(tree[a], dict) else ())):
            yield path, tree, told.get(path, "")
            return
        if told.get(path):
            yield path, None, told[path]
        for name in tree:
            yield from below(path + (name,), tree[name])

    return list(below((), yaml.safe_load(text)))


def escape(text):
    return text.replace("|", "\\|")


def table(text):
    lines = ["| value | default | |", "|---|---|---|"]
    for path, default, comment in rows(text):
        shown = "" if default is None else f"`{escape(json.dumps(default))}`"
        lines.append(f"| `{'.'.join(path)}` | {shown} | {escape(comment)} |")
    return "\n".join(lines) + "\n"


def main():
    readme = CHART / "README.md"
    old = readme.read_text()
    new = old.partition(MARK)[0] + MARK + "\n" + table((CHART / "values.yaml").read_text())
    if "--check" in sys.argv[1:]:
        return int(old != new)
    readme.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
