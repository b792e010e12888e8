"""The pages of reports that were made up: tests/support/reports.h."""

import http.server
import threading
import urllib.parse

import settings
from case import PageCase
from namespaces import run


def made(name, refresh):
    """The headers and the body of a page."""
    head, _, body = run(settings.make_page, name, *refresh).partition("\n\n")
    return [line.split(": ", 1) for line in head.splitlines()], body.encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        headers, body = made(url.path.strip("/"), urllib.parse.parse_qs(url.query).get("refresh", []))
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class MadeUpTest(PageCase):
    @classmethod
    def serve(cls):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.stack.callback(server.server_close)
        cls.stack.callback(server.shutdown)
        cls.base = f"http://127.0.0.1:{server.server_port}"

    def test_a_bad_day(self):
        self.expect_whole(f"{self.base}/bad", "bad")
        tree = self.browser.tree()
        charts = [node for node in tree if node.role in ("image", "img")]
        self.assertEqual([node.name for node in charts],
                         ["Connections tracked", "Rules", "An update of the rules takes (mean)",
                          "A new flow is sent in (median)"])
        for chart in charts:
            self.assertIn("between", chart.description)
        self.assertIn("Runbook of KubecliffRestoreDuration", {node.name for node in tree if node.role == "link"})
        tables = [node.name for node in tree if node.role == "table"]
        self.assertIn("Services with the most endpoints", tables)

    def test_nothing_is_wrong(self):
        self.expect_whole(f"{self.base}/fine", "fine")
        self.assertIn("Fine: no bound is exceeded", self.browser.text())

    def test_nothing_is_known(self):
        self.expect_whole(f"{self.base}/empty", "empty", (360,))
        self.assertIn("Nothing is known yet", self.browser.text())

    def test_names_are_withheld(self):
        self.open(f"{self.base}/withheld")
        self.assertNotIn("checkout", self.browser.text())
        self.assertIn("Names are shown to users", self.browser.text())

    def test_hostile_names_are_text(self):
        url = f"{self.base}/hostile"
        self.expect_whole(url, "hostile", (360, 1280))
        heading = self.browser.run("return document.querySelector('h1').textContent")
        self.assertTrue(heading.startswith("</title></style><script>alert('1')</script>\"onload=\"x\" <img"))
        self.assertIn("\ufffdgpj.exe", heading)
        self.assertEqual(self.browser.run("return document.querySelectorAll('script, img').length"), 0)
        services = self.browser.run("return [...document.querySelectorAll('tbody bdi')].map(e => e.textContent)")
        self.assertTrue(services)
        self.assertEqual(set(services), {heading})

    def test_long_lists_and_texts_fit(self):
        url = f"{self.base}/huge"
        for width in (360, 1280):
            self.open(url, width)
            self.assertEqual(self.browser.overflow(), 0)
            self.expect_quiet(url)

    def test_on_paper(self):
        self.open(f"{self.base}/bad", 768, "dark")
        pages = self.browser.paper("bad-paper")
        self.assertTrue(1 <= pages <= 5, pages)

    def test_it_comes_again_when_told_to(self):
        url = f"{self.base}/fine"
        self.open(url)
        self.browser.follow("Refresh every 30 s")
        self.assertEqual(self.browser.url, f"{url}?refresh=30")
        again = "return document.querySelector('meta[http-equiv=refresh]')?.content"
        self.assertEqual(self.browser.run(again), "30")
        self.browser.follow("Stop")
        self.assertEqual(self.browser.url, f"{url}?")
        self.assertIsNone(self.browser.run(again))
        self.assertEqual(self.browser.complaints(), [])

    def test_the_keyboard_reaches_every_link_and_shows_where_it_is(self):
        self.open(f"{self.base}/bad")
        reached = self.browser.tabbed()
        links = self.browser.run("return document.querySelectorAll('a, summary').length")
        self.assertEqual(len(reached), links)
        for element in reached:
            self.assertNotEqual(element["outline"], "none", element)
