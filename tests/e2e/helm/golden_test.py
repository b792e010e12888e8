"""What the chart makes of values, whole. UPDATE_GOLDEN=1 scripts/e2e-helm golden_test writes it anew."""

import os
import pathlib
import re
import unittest

from chart import CASES, text

GOLDEN = pathlib.Path(__file__).parent / "golden"
# Large, and held to what they are made of elsewhere: rules_test.
LEFT_OUT = re.compile(r"^kind: PrometheusRule$|^  name: kubecliff-dashboard-", re.MULTILINE)


def shown(case):
    return "".join(f"---\n{part.strip()}\n" for part in re.split(r"^---\n", text(case), flags=re.MULTILINE)
                   if part.strip() and not LEFT_OUT.search(part))


class GoldenTest(unittest.TestCase):
    maxDiff = 4000

    def test_manifests_are_as_kept(self):
        for case in CASES:
            file = GOLDEN / f"{case}.yaml"
            with self.subTest(case=case):
                if os.environ.get("UPDATE_GOLDEN") == "1":
                    file.write_text(shown(case))
                self.assertEqual(shown(case), file.read_text())

    def test_nothing_is_kept_that_is_not_made(self):
        self.assertEqual({file.stem for file in GOLDEN.iterdir()}, set(CASES))


if __name__ == "__main__":
    unittest.main()
