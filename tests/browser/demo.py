"""The demo: eight phones and a till on one page."""

import re
from contextlib import contextmanager

from house import House
from plays import Quiet
from window import Window

SIZE = (1440, 900)


class Demo(Window):
    def __init__(self, name):
        super().__init__(name, size=SIZE)

    def play(self):
        self.press("[data-testid=play]")

    @contextmanager
    def inside(self, css):
        """Looks into one of the frames."""
        self.until(f"frame {css}", lambda: self._enter(css))
        try:
            yield
        finally:
            self.driver.switch_to.default_content()

    def _enter(self, css):
        self.driver.switch_to.default_content()
        self.driver.switch_to.frame(self.driver.find_element("css selector", css))
        return True

    def ready(self):
        """Everybody is signed in, and has said where they sit."""
        self.gone(".stage[aria-busy]")
        for phone in range(8):
            with self.inside(f".phones .phone:nth-child({phone + 1}) iframe"):
                self.see("[data-testid=available], .ring")
        with self.inside(".till-frame"):
            self.see(".collect")

    def open_a_table(self):
        """Another one than a phone may sit at."""
        self.press("[data-testid=step-open]")
        self.gone("[data-testid=step-open][aria-busy]")
        self.see("[data-testid=step-seat]", self.word("step_seat_hint", seated=1, of=8))

    def everybody_paid(self, share, total):
        with self.inside(".till-frame"):
            self.see(".result.settled", total)
        for phone in range(8):
            with self.inside(f".phones .phone:nth-child({phone + 1}) iframe"):
                self.see(".receipt [data-testid=my-share]", share)
        self.see(".step.next [data-testid=step-settled]", self.word("demo_again"))
        self.see("[data-testid=play]", self.word("demo_all"))


    def in_all_phones(self, css, text):
        """All at once: what is said for a while only is not looked for in one after the other."""
        self.until(f"{css} with {text!r} on each phone", lambda: self.driver.execute_script(
            """return [...document.querySelectorAll('.phones iframe')].every(({ contentDocument }) =>
              [...contentDocument.querySelectorAll(arguments[0])].some((one) => one.textContent.includes(arguments[1])))""", css, text))


class AtTheDemo(Quiet):
    """A house with the demo, and its page in one window."""

    @classmethod
    def setUpClass(cls):
        cls.house = House(demo=True)
        cls.addClassCleanup(cls.house.close)
        cls.windows = (Demo("demo"),)
        cls.addClassCleanup(cls.windows[0].close)

    def until_one_is_asked(self, demo, anew=False):
        """Plays a dinner as far as the careful friend's question, and tells its order's number."""
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak("en")
        demo.ready()
        if anew:
            demo.open_a_table()
        demo.press("[data-testid=step-scan]")
        with demo.inside(".phones .phone:nth-child(5) iframe"):
            demo.see(".question [data-testid=owed]", "32.00")
        with demo.inside(".till-frame"):
            return re.search(r"\d{6}-\w{5}", demo.text(".result.asking"))[0]
