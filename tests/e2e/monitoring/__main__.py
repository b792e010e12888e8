"""Runs the tests of this folder, in files named *_test.py. scripts/e2e-monitoring calls this."""

import runner
import settings


def main():
    arguments = runner.arguments("--prefix", "--state", "--logs", "--kubecliff", "--make-ruleset", "--types")
    settings.take(arguments)
    return runner.run(runner.load(arguments.tests or runner.tests_beside(__file__)), arguments.logs)


if __name__ == "__main__":
    runner.end_with(main)
