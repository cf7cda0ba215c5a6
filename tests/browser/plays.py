"""What all plays have in common: who is in them, and that no page complains."""

import os
import re
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import House

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("FANJU_SCREENSHOTS", str(ROOT / "target" / "screenshots"))

PEOPLE = {"en": ("Ana", "Bo", "Mei"), "zh": ("安娜", "小波", "梅老板")}
SHOP = {"en": "Noodle House", "zh": "老面馆"}


def cents(text):
    """The minor units that a page shows as money."""
    return int(re.sub(r"[^\d-]", "", text))


def together(*tasks):
    """Does everything at once: people do not wait for each other."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [done.result() for done in [pool.submit(task) for task in tasks]]


class Quiet(unittest.TestCase):
    """Whatever is played, no page complains to its console."""

    windows = ()

    @classmethod
    def opens(cls, *windows):
        """A house, and these windows on it: both are there until the last of its plays is over."""
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        cls.windows = together(*windows)
        for window in cls.windows:
            cls.addClassCleanup(window.close)

    def tearDown(self):
        if not getattr(self._outcome, "success", True):
            for window in self.windows:
                window.picture(f"failed-{window.name}")
        complaints = {window.name: window.complaints() for window in self.windows}
        self.assertEqual({name: said for name, said in complaints.items() if said}, {}, "pages wrote to the console")


def begin():
    """Plays everything of the script that was started."""
    sys.stdout.reconfigure(line_buffering=True)
    began = time.monotonic()
    program = unittest.main(exit=False, verbosity=2)
    print(f"{program.result.testsRun} plays in {time.monotonic() - began:.0f} s; pictures in {os.environ['FANJU_SCREENSHOTS']}")
    sys.exit(not program.result.wasSuccessful())
