"""Runs the tests of this folder, in files named *_test.py. scripts/e2e-helm calls this."""

import pathlib

import chart
import runner
import settings


def main():
    arguments = runner.arguments("--kubecliff", "--tools", "--logs")
    settings.kubecliff, chart.tools, settings.logs = map(
        pathlib.Path, (arguments.kubecliff, arguments.tools, arguments.logs))
    return runner.run(runner.load(arguments.tests or runner.tests_beside(__file__)), arguments.logs)


if __name__ == "__main__":
    runner.end_with(main)
