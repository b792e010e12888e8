"""What must hold of every page, whatever it reports."""

import contextlib
import re
import unittest
import urllib.parse

from browser import SCHEMES, WIDTHS, Browser
from namespaces import Namespace

import settings

NAMED = {"heading", "link", "image", "img", "table", "columnheader", "rowheader", "region", "navigation",
         "DisclosureTriangle", "button"}


def outline(tree):
    """What there is, whatever its figures are by now."""
    return [(node.role, re.sub(r"\d", "", node.name)) for node in tree if node.role in NAMED]


class PageCase(unittest.TestCase):
    """In a network namespace, which the calling thread enters, and with a browser in it."""

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        if not settings.page:
            cls.namespace = Namespace(f"{settings.prefix}-{cls.__name__.lower()}")
            stack.callback(cls.namespace.delete)
            stack.enter_context(cls.namespace.entered())
        cls.stack = stack
        cls.serve()
        cls.browser = Browser()
        stack.callback(cls.browser.stop)

    @classmethod
    def serve(cls):
        """Has pages served, and ended by cls.stack."""
        raise NotImplementedError

    def open(self, url, width=1280, scheme="light"):
        self.browser.show(width, scheme)
        self.browser.open(url)

    def expect_quiet(self, url):
        """The page asked for nothing but itself, and the console has nothing to say."""
        self.assertEqual(self.browser.complaints(), [])
        asked = {urllib.parse.urlsplit(each)[:3] for each in self.browser.requests()}
        self.assertEqual(asked, {urllib.parse.urlsplit(url)[:3]})

    def expect_named(self):
        """All that has to have a name has one; headings are in order."""
        tree = self.browser.tree()
        nameless = [node for node in tree if node.role in NAMED and not node.name.strip()]
        self.assertEqual(nameless, [])
        levels = [node.level for node in tree if node.role == "heading"]
        self.assertEqual(levels[0], 1)
        self.assertEqual(levels.count(1), 1)
        for before, after in zip(levels, levels[1:]):
            self.assertLessEqual(after, before + 1, levels)
        for role in ("main", "banner", "contentinfo"):
            self.assertEqual(sum(node.role == role for node in tree), 1, role)
        self.assertEqual(self.browser.run("return document.documentElement.lang"), "en")
        return tree

    def expect_whole(self, url, name, widths=WIDTHS):
        """In all widths and schemes; with a picture of each."""
        for width in widths:
            for scheme in SCHEMES:
                with self.subTest(page=name, width=width, scheme=scheme):
                    self.open(url, width, scheme)
                    self.browser.picture(f"{name}-{width}-{scheme}")
                    self.assertEqual(self.browser.overflow(), 0)
                    self.expect_quiet(url)
        with self.subTest(page=name, what="names"):
            self.expect_named()
        with self.subTest(page=name, what="scripts off"):
            seen = outline(self.browser.tree())
            self.browser.scripts(enabled=False)
            try:
                self.open(url)
                self.assertEqual(outline(self.browser.tree()), seen)
            finally:
                self.browser.scripts(enabled=True)
