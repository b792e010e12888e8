"""Runs the tests of this folder, in files named *_test.py. scripts/e2e-image calls this."""

import json
import pathlib

import chart
import runner
import settings


def main():
    arguments = runner.arguments("--root", "--simulate", "--image", "--tools", "--state", "--logs", "--prefix")
    for name in ("root", "simulate", "state", "logs"):
        setattr(settings, name, pathlib.Path(getattr(arguments, name)).resolve())
    settings.config = json.loads(pathlib.Path(arguments.image).read_text())["Docker"]["config"]
    settings.prefix = arguments.prefix
    chart.tools = pathlib.Path(arguments.tools).resolve()
    return runner.run(runner.load(arguments.tests or runner.tests_beside(__file__)), arguments.logs)


if __name__ == "__main__":
    runner.end_with(main)
