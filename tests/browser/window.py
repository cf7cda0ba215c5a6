"""One browser with a profile of its own, and the patience that a slow machine needs.

Everything waits for what it needs and for nothing else. Pages draw themselves anew at any moment, so
looking and doing are one step, which is tried again until it works.
"""

import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException, ElementNotInteractableException, JavascriptException, NoSuchElementException,
    NoSuchFrameException, SessionNotCreatedException, StaleElementReferenceException, TimeoutException)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from selenium.webdriver.support.wait import WebDriverWait

WITHIN = float(os.environ.get("FANJU_BROWSER_WITHIN", "30"))
PHONE = (360, 740)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--lang=en-US", "--hide-scrollbars",
         "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"]
NOT_YET = (ElementClickInterceptedException, ElementNotInteractableException, NoSuchElementException,
           NoSuchFrameException, StaleElementReferenceException)

FIND = """
const [css, text, all] = arguments;
const found = [...document.querySelectorAll(css)]
  .filter((one) => one.checkVisibility() && (text === null || (one.textContent || '').replace(/\\s+/g, ' ').includes(text)));
return all ? found : found.at(-1) ?? null;
"""

# Lists of which something is in nobody's reach.
CUT = """return [...document.querySelectorAll('.list')]
    .filter((list) => list.scrollHeight > list.clientHeight + 1 && getComputedStyle(list).overflowY !== 'auto')
    .map((list) => list.className)"""

# What a page must never show: a word that has no text yet.
RAW = """
const text = [...document.querySelectorAll('body *')].filter((one) => !one.matches('code, pre, .mono, .facts *, script, noscript, .docs-page *'))
  .flatMap((one) => [...one.childNodes]).filter((one) => one.nodeType === 3).map((one) => one.data).join('\\n');
return text.match(/\\b[a-z]+(_[a-z]+)+\\b|\\{\\w+\\}|\\bundefined\\b|\\bNaN\\b/g) ?? [];
"""

# Whether an outline shows where the focus is: on the element, or on what frames it.
RING = """
let at = document.activeElement;
for (let up = 0; at && up < 3; up += 1, at = at.parentElement) {
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  if (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) return true;
}
return false;
"""


class Window:
    """A browser window; `name` is what screenshots and failures call it."""

    def __init__(self, name, *, size=(1280, 800), mobile=False, flags=()):
        self.name = name
        self.expected = []
        flags = [*FLAGS, *flags, f"--window-size={size[0]},{size[1]}"]
        try:
            self._start(flags)
        except SessionNotCreatedException:
            # Chromium itself ended before it had a window, as it does at times where several start at once.
            self._profile.cleanup()
            self._start(flags)
        self.resize(size, mobile=mobile)
        self._authenticator()

    def _start(self, flags):
        self._profile = tempfile.TemporaryDirectory(prefix="fanju-profile-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        for flag in [*flags, f"--user-data-dir={self._profile.name}"]:
            options.add_argument(flag)
        options.binary_location = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        options.add_experimental_option("prefs", {"intl.accept_languages": "en-US,en"})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = Service(os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)

    def _authenticator(self):
        passkeys = VirtualAuthenticatorOptions()
        passkeys.protocol = VirtualAuthenticatorOptions.Protocol.CTAP2
        passkeys.transport = VirtualAuthenticatorOptions.Transport.INTERNAL
        passkeys.has_resident_key = passkeys.has_user_verification = passkeys.is_user_verified = True
        self.driver.add_virtual_authenticator(passkeys)

    def another_device(self):
        """Its passkeys are gone with the authenticator, and it may keep others."""
        self.driver.remove_virtual_authenticator()
        self._authenticator()

    def close(self):
        self.driver.quit()
        self._profile.cleanup()

    def resize(self, size, *, mobile=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 2 if mobile else 1, "mobile": mobile})

    def dark(self, on=True):
        value = "dark" if on else "light"
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": value}]})

    def stand_in(self, zone):
        """What the page says from now on is of there."""
        self.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": zone})

    # --- waiting -----------------------------------------------------------------------------

    def until(self, what, act):
        """What `act` gives, as soon as it gives anything."""
        try:
            return WebDriverWait(self.driver, WITHIN, 0.05, ignored_exceptions=NOT_YET).until(lambda _: act())
        except TimeoutException:
            shown = self.driver.execute_script("return document.body?.innerText ?? ''")
            raise AssertionError(f"{self.name}: no {what} within {WITHIN:.0f} s. The page says:\n{shown[:2_000]}") from None

    def look(self, css, text=None):
        """The last visible element like this, or nothing: whatever opened last lies on top."""
        return self.driver.execute_script(FIND, css, text, False)

    def see(self, css, text=None):
        return self.until(f"{css} with {text!r}" if text else css, lambda: self.look(css, text))

    def gone(self, css, text=None):
        self.until(f"end of {css}", lambda: not self.look(css, text))

    def count(self, css):
        return len(self.driver.execute_script(FIND, css, None, True))

    def text(self, css):
        return self.until(css, lambda: (element := self.look(css)) and element.text)

    def press(self, css, text=None):
        def act():
            element = self.look(css, text)
            if element is None or element.get_attribute("aria-busy") == "true":
                return False
            element.click()
            return True
        self.until(f"{css} with {text!r} to press" if text else f"{css} to press", act)

    def write(self, css, text):
        """Types `text` in place of what the field holds."""
        def act():
            element = self.look(css)
            if element is None:
                return False
            element.clear()
            element.send_keys(text)
            return element.get_attribute("value") == text
        self.until(f"{css} to write in", act)

    def keys(self, *keys):
        """Types at whatever has the focus, as a keyboard or a hand scanner does."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def tab_to(self, css, text="", *, most=60):
        """Walks there with the tabulator alone, and says whether a ring shows where one is."""
        for _ in range(most):
            if self.driver.execute_script("return document.activeElement.matches(arguments[0]) && document.activeElement.textContent.includes(arguments[1])", css, text):
                ring = self.driver.execute_script(RING)
                assert ring, f"{self.name}: {css} has the focus and does not show it"
                return
            self.keys(Keys.TAB)
        raise AssertionError(f"{self.name}: the keyboard does not reach {css}")

    # --- words -------------------------------------------------------------------------------

    def word(self, key, **values):
        """What the page itself says for `key`, in the language it speaks."""
        def act():
            try:
                return self.driver.execute_async_script(
                    "const [key, values, done] = arguments; import('/assets/words.js').then(({ t }) => done(t(key, values)))", key, values)
            except JavascriptException:
                return None
        text = self.until(f"word {key}", act)
        assert text != key, f"there is no word for {key}"
        return text

    def speak(self, language):
        """Presses the switch, if the page speaks another language."""
        self.see(".language")
        spoken = self.driver.execute_script("return document.documentElement.lang.slice(0, 2)")
        if spoken != language:
            self.press(".language")
            self.until(f"page in {language}", lambda: self.driver.execute_script(
                "return document.documentElement.lang.slice(0, 2) === arguments[0] && document.readyState === 'complete'", language))
        self.see(".language")

    # --- looking -----------------------------------------------------------------------------

    def shot(self, name, *, dark=False):
        """A picture of the page, for people; what no page may show is looked for as well."""
        language = self.driver.execute_script("return document.documentElement.lang.slice(0, 2)")
        wide, room = self.driver.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide <= room, f"{self.name}: {name} is {wide} pixels wide on a screen of {room}"
        cut = self.driver.execute_script(CUT)
        assert not cut, f"{self.name}: {name} cuts {cut}"
        raw = self.driver.execute_script(RAW)
        assert not raw, f"{self.name}: {name} shows {raw}"
        self._settle()
        self.picture(f"{name}-{language}")
        if dark:
            self.dark()
            self._settle()
            self.picture(f"{name}-{language}-dark")
            self.dark(False)

    def _settle(self):
        """Animations are over; those that never end are let be."""
        self.until("still picture", lambda: self.driver.execute_script(
            "return document.getAnimations().every((one) => one.effect?.getTiming().iterations === Infinity || one.playState !== 'running')"))

    def picture(self, name):
        folder = Path(os.environ["FANJU_SCREENSHOTS"])
        folder.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(folder / f"{name}.png")

    def complaints(self):
        """What the page wrote to the console that nobody expected."""
        logs = self.driver.get_log("browser")
        wrong = [log["message"] for log in logs if log["level"] in ("SEVERE", "WARNING")]
        return [text for text in wrong if not any(known in text for known in self.expected)]
