"""The page of a running kubecliff, beside rules and flows."""

import json
import socket
import time
import urllib.error
import urllib.request

import settings
from case import PageCase
from figures import count_saved
from namespaces import Process, run

SERVICES = 40
PORT = 9909
# Whoever may write rules may call a Service anything.
NAMED = "team-0/service-0:tcp-80"
HOSTILE = "<script>alert(1)</script><img/src=//evil.example>&'\u202egpj:tcp-80"
SHOWN = HOSTILE.replace("\u202e", "\ufffd")


def wait(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.1)


class LiveTest(PageCase):
    @classmethod
    def serve(cls):
        if settings.page:
            cls.base = settings.page.rstrip("/")
            return
        rules = settings.state / "rules"
        made = run(settings.make_ruleset, str(SERVICES), "5", "--varied")
        rules.write_text(made.replace(NAMED, HOSTILE), encoding="utf-8")
        run("iptables-nft-restore", rules)
        cls.make_flows(50)
        kubecliff = Process("kubecliff", None, [settings.kubecliff, f"--web.listen-address=127.0.0.1:{PORT}"],
                            settings.logs)
        cls.stack.callback(kubecliff.kill)
        kubecliff.start()
        cls.base = f"http://127.0.0.1:{PORT}"
        wait("ready", lambda: cls.has("/-/ready"))
        wait("judged", lambda: cls.report().get("measures"))

    @staticmethod
    def make_flows(number):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            for _ in range(number):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(b"x", receiver.getsockname())

    @classmethod
    def get(cls, path):
        with urllib.request.urlopen(f"{cls.base}{path}", timeout=10) as response:
            return response.read().decode()

    @classmethod
    def has(cls, path):
        try:
            return bool(cls.get(path))
        except (urllib.error.URLError, ConnectionError):
            return False

    @classmethod
    def report(cls):
        return json.loads(cls.get("/api/v1/report"))

    def test_it_is_whole(self):
        self.expect_whole(f"{self.base}/", "live")
        self.assertEqual(self.browser.run("return document.querySelectorAll('script, img').length"), 0)

    def test_its_figures_are_those_of_the_tools(self):
        if settings.page:
            self.skipTest("whose rules these are is not known")
        self.open(f"{self.base}/")
        rules = sum(counts.rules for counts in count_saved(run("iptables-nft-save")).values())
        self.assertEqual(self.figure("iptables rules (nft, ipv4)"), f"{rules:,}")
        with open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii") as limit:
            self.assertEqual(self.figure("connections that can be tracked"), f"{int(limit.read()):,}")

    def figure(self, words):
        return self.browser.run(
            "return [...document.querySelectorAll('dt')].find(e => e.textContent == arguments[0])"
            "?.nextElementSibling.textContent", words)

    def test_a_hostile_name_is_text(self):
        if settings.page:
            self.skipTest("whose rules these are is not known")
        self.open(f"{self.base}/")
        self.expect_quiet(f"{self.base}/")
        names = self.browser.run("return [...document.querySelectorAll('tbody bdi')].map(e => e.textContent)")
        self.assertIn(SHOWN, names)
        self.assertNotIn(NAMED, names)

    def test_what_it_links_is_served(self):
        self.open(f"{self.base}/")
        links = self.browser.run("return [...document.querySelectorAll('footer a')].map(e => e.getAttribute('href'))")
        self.assertEqual(len(links), 4)
        for link in links:
            self.assertTrue(self.has(link), link)

    def test_it_comes_again_by_itself(self):
        self.open(f"{self.base}/?refresh=5")
        wait("asked for again", lambda: self.asked() > 1, 10)
        self.assertEqual(self.browser.complaints(), [])

    def asked(self):
        self.seen = getattr(self, "seen", 0) + len(self.browser.requests())
        return self.seen
