"""What the image says of itself."""

import re
import subprocess
import unittest

import image
import settings
from chart import REPOSITORY


def from_cmake(pattern):
    return re.search(pattern, (REPOSITORY / "CMakeLists.txt").read_text()).group(1)


def revision():
    done = subprocess.run(["git", "-C", REPOSITORY, "rev-parse", "--short=12", "HEAD"],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


class LabelsTest(unittest.TestCase):
    def test_labels_are_those_of_the_oci_convention_and_true(self):
        prefix = "org.opencontainers.image."
        labels = {key.removeprefix(prefix): value for key, value in settings.config["Labels"].items()
                  if key.startswith(prefix)}
        self.assertEqual(labels, {
            "title": "kubecliff",
            "description": from_cmake(r'DESCRIPTION "(.*)"'),
            "version": from_cmake(r"kubecliff VERSION ([0-9.]+)"),
            "revision": revision(),
            "source": "https://github.com/kubecliff/kubecliff",
            "documentation": "https://github.com/kubecliff/kubecliff/blob/main/README.md",
            "licenses": "Apache-2.0 AND GPL-3.0-or-later",
        })

    def test_the_program_is_of_that_version_and_revision(self):
        labels = settings.config["Labels"]
        done = image.run("--version")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith(
            f"kubecliff {labels['org.opencontainers.image.version']} "
            f"(revision {labels['org.opencontainers.image.revision']}, "), done.stdout)

    def test_it_runs_the_program_as_nobody_in_particular(self):
        self.assertEqual(settings.config["User"], "65534:65534")
        self.assertEqual(settings.config["Entrypoint"], [image.PROGRAM])
        self.assertFalse(settings.config["Cmd"])
        self.assertEqual(list(settings.config["ExposedPorts"]), ["9909/tcp"])
        self.assertFalse(settings.config["Volumes"])

    def test_its_health_is_what_the_program_says(self):
        self.assertEqual(settings.config["Healthcheck"]["Test"], ["CMD", image.PROGRAM, "healthcheck"])
        # The program gives up after three seconds, in words.
        self.assertEqual(settings.config["Healthcheck"]["Timeout"], 5_000_000_000)
        done = image.run("healthcheck", "--web.listen-address=127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody listens there", done.stderr)


if __name__ == "__main__":
    unittest.main()
