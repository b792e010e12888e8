"""The second target: the same program beside the tools that write rules."""

import json
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

    def test_it_measures(self):
        root = settings.simulate
        done = subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-ec",
             f"mount --bind /proc {root}/proc; mount --bind /dev {root}/dev; exec chroot {root} {image.PROGRAM} "
             "simulate --services=20,40 --endpoints=2 --backend=iptables-legacy,iptables-nft,nftables --output=json"],
            capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        points = [(point["backend"], point["services"]) for point in json.loads(done.stdout)["points"]]
        self.assertCountEqual(points, [(backend, services) for services in (20, 40)
                                       for backend in ("iptables-legacy", "iptables-nft", "nftables")])

    def test_the_program_is_the_same(self):
        self.assertEqual((settings.simulate / image.PROGRAM[1:]).read_bytes(), image.inside(image.PROGRAM).read_bytes())
        self.assertTrue(run(image.PROGRAM, "--version"))


if __name__ == "__main__":
    unittest.main()
