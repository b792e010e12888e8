"""Chromium without a window, and what it says of a page."""

import base64
import collections
import json
import re
import urllib.parse

import settings
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
HIGHEST = 8_000  # of a picture

Node = collections.namedtuple("Node", "role name description level")


class Browser:
    """In the network namespace of the calling thread. All that it starts ends with stop()."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                         "--disable-background-networking", "--no-first-run",
                         f"--user-data-dir={settings.state / 'profile'}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service("/usr/bin/chromedriver", log_path=str(settings.logs / "chromedriver.log"))
        self._driver = webdriver.Chrome(service=service, options=options)
        self._driver.set_page_load_timeout(30)

    def stop(self):
        self._driver.quit()

    def show(self, width, scheme="light"):
        """What pages are shown in from now on."""
        self._command("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1,
                      mobile=False)
        self._command("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": scheme}])

    def scripts(self, enabled):
        self._command("Emulation.setScriptExecutionDisabled", value=not enabled)

    def open(self, url):
        """Forgets what was said of the page before."""
        self.complaints()
        self.requests()
        self._driver.get(url)

    def follow(self, words):
        self._driver.find_element("link text", words).click()

    @property
    def url(self):
        return self._driver.current_url

    def run(self, script, *arguments):
        return self._driver.execute_script(script, *arguments)

    def text(self):
        return self.run("return document.body.innerText")

    def complaints(self):
        """What the console says, violations of the page's security policy among it, since last asked."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self):
        """The addresses of everything that was asked for since last asked."""
        messages = (json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance"))
        urls = [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if urllib.parse.urlsplit(url).scheme != "data"]

    def overflow(self):
        """By how many pixels the page is wider than the window."""
        return self.run("const all = document.documentElement; return all.scrollWidth - all.clientWidth")

    def tree(self):
        """The page as those hear it who do not see it."""
        def value(node, key):
            return node.get(key, {}).get("value", "")

        def level(node):
            return next((each["value"]["value"] for each in node.get("properties", [])
                         if each["name"] == "level"), None)

        nodes = self._command("Accessibility.getFullAXTree")["nodes"]
        return [Node(value(node, "role"), value(node, "name"), value(node, "description"), level(node))
                for node in nodes if not node["ignored"]]

    def picture(self, name):
        """As a file in build/page."""
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return document.documentElement.clientWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, HIGHEST), "scale": 1}
        shot = self._command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        (settings.pictures / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def paper(self, name):
        """As a PDF in build/page; gives the number of its pages."""
        printed = self._command("Page.printToPDF", printBackground=False, paperWidth=8.27, paperHeight=11.69)
        data = base64.b64decode(printed["data"])
        (settings.pictures / f"{name}.pdf").write_bytes(data)
        return len(re.findall(rb"/Type\s*/Page\b", data))

    def tabbed(self):
        """What the keyboard reaches, in order, and how it shows that it is there."""
        reached = []
        for _ in range(200):
            self._driver.switch_to.active_element.send_keys(Keys.TAB)
            element = self.run("const at = document.activeElement; return at === document.body ? null : "
                               "{tag: at.tagName, text: at.textContent.slice(0, 40), "
                               "outline: getComputedStyle(at).outlineStyle}")
            if element is None or element in reached[:1]:
                break
            reached.append(element)
        return reached

    def _command(self, name, **arguments):
        return self._driver.execute_cdp_cmd(name, arguments)
