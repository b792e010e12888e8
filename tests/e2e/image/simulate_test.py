"""The second target: the same program beside the tools that write rules."""

import subprocess
import unittest

import image
import settings


def run(*command):
    done = subprocess.run(["chroot", settings.simulate, *command], capture_output=True, text=True, check=False)
    return done.stdout.strip()


class SimulateTest(unittest.TestCase):
    def test_it_has_the_tools_that_write_rules(self):
        for backend in ("legacy", "nft"):
            self.assertIn(f"({backend.replace('nft', 'nf_tables')})", run(f"iptables-{backend}-restore", "--version"))
        for tool in ("conntrack", "ipset", "ipvsadm", "nft"):
            self.assertEqual(run("sh", "-c", f"command -v {tool}"), f"/usr/sbin/{tool}")

    def test_the_program_is_the_same(self):
        self.assertEqual((settings.simulate / image.PROGRAM[1:]).read_bytes(), image.inside(image.PROGRAM).read_bytes())
        self.assertTrue(run(image.PROGRAM, "--version"))


if __name__ == "__main__":
    unittest.main()
