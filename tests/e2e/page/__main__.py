"""Runs the tests of this folder, in files named *_test.py. scripts/e2e-page calls this."""

import runner
import settings


def main():
    arguments = runner.arguments("--prefix", "--state", "--logs", "--pictures", "--kubecliff", "--make-page",
                                 "--make-ruleset", "--page")
    settings.take(arguments)
    return runner.run(runner.load(arguments.tests or runner.tests_beside(__file__)), arguments.logs)


if __name__ == "__main__":
    runner.end_with(main)
