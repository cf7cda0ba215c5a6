"""A report of the simulations reads well without a network: on a desk and on a phone, light and dark, and on paper.

    FANJU_REPORTS=run.html:other.html target/tools/venv/bin/python tests/browser/report.py

`FANJU_REPORTS` names the pages, which `fanju-sim … --report` wrote.
"""

import base64
import os
from pathlib import Path

from access import Looking
from plays import begin
from window import PHONE, Window

DESK = (1280, 900)
# A sheet of A4 between its margins, in CSS pixels.
SHEET = (718, 1020)

# What is drawn and has no size, or lies outside of its own picture.
LOST = """return [...document.querySelectorAll('svg')].filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  const drawn = [...one.querySelectorAll('path, polyline, line, rect, circle')].some((shape) => shape.getBoundingClientRect().width + shape.getBoundingClientRect().height > 0);
  return width < 20 || height < 5 || !drawn;
}).map((one) => one.getAttribute('aria-label') ?? one.outerHTML.slice(0, 120))"""

# How bright what stands behind the text is, from 0 to 255.
GROUND = """const lit = (one) => getComputedStyle(one).backgroundColor.match(/[\\d.]+/g).map(Number);
return [document.body, document.documentElement].map(lit).filter(([, , , seen]) => seen !== 0)
  .map(([red, green, blue]) => Math.round((red + green + blue) / 3))[0] ?? 255"""


class Report(Looking):
    @classmethod
    def setUpClass(cls):
        window = Window("report", size=DESK)
        cls.addClassCleanup(window.close)
        cls.windows = [window]
        window.driver.execute_cdp_cmd("Network.enable", {})
        away = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        window.driver.execute_cdp_cmd("Network.emulateNetworkConditions", away)
        cls.pages = [Path(page) for page in os.environ["FANJU_REPORTS"].split(":")]

    def each(self):
        """Each page as it is opened from a folder."""
        [window] = self.windows
        for page in self.pages:
            window.driver.get(page.resolve().as_uri())
            window.see("h1")
            yield page.stem, window

    def test_1_it_is_one_file_without_a_script(self):
        for name, window in self.each():
            asked, scripts = window.driver.execute_script("return [performance.getEntriesByType('resource').map((one) => one.name), document.scripts.length]")
            self.assertEqual((asked, scripts), ([], 0), name)

    def test_2_on_a_desk_and_on_a_phone_light_and_dark(self):
        for name, window in self.each():
            for size in (DESK, PHONE):
                window.resize(size, mobile=size == PHONE)
                self.look(window, f"{name} on {size[0]} pixels")
                self.assertEqual(window.driver.execute_script(LOST), [], name)
                self.assertGreaterEqual(window.driver.execute_script("return document.querySelectorAll('svg').length"), 4, name)
                window.shot(f"report-{name}-{size[0]}", dark=True)
                window.dark(False)
                light = window.driver.execute_script(GROUND)
                window.dark()
                dark = window.driver.execute_script(GROUND)
                window.dark(False)
                self.assertTrue(light > 200 and dark < 60, f"{name}: {light} and {dark}")
            window.resize(DESK)

    def test_3_on_paper(self):
        for name, window in self.each():
            # Whoever prints at night has a white sheet all the same.
            media = {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]}
            window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            window.resize(SHEET)
            wide, room = window.driver.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            cut = window.driver.execute_script("return [...document.querySelectorAll('.scroll, svg, table')].filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0).map((one) => one.textContent.slice(0, 60))")
            ground = window.driver.execute_script(GROUND)
            printed = window.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69})
            window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
            window.resize(DESK)
            self.assertLessEqual(wide, room, name)
            self.assertEqual(cut, [], name)
            self.assertGreater(ground, 200, name)
            sheets = base64.b64decode(printed["data"])
            self.assertTrue(sheets.startswith(b"%PDF") and len(sheets) > 20_000, name)


if __name__ == "__main__":
    begin()
