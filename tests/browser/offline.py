"""The phone without its server: the page still opens, says that it is offline, and goes on when the server is back.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/browser/offline.py
"""

from house import House
from phone import Phone
from plays import PEOPLE, SHOP, Quiet, begin, together
from till import Till


class Offline(Quiet):
    @classmethod
    def setUpClass(cls):
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        cls.windows = together(lambda: Phone("cut"), lambda: Till("till"))
        for window in cls.windows:
            cls.addClassCleanup(window.close)
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection", "Failed to fetch"]
        phone, till = cls.windows
        together(lambda: cls.a_table(phone), lambda: cls.a_shop(till))

    def test_1_in_english(self):
        self.cut("en", before=200)

    def test_2_in_chinese(self):
        self.cut("zh", before=210)

    def cut(self, language, *, before):
        phone, till = self.windows
        phone.home()
        together(lambda: phone.speak(language), lambda: till.speak(language))
        phone.enter_table()
        # The page is kept by its service worker: without that nothing below would load.
        for window in self.windows:
            window.until("page that is kept", lambda window=window: window.driver.execute_async_script(
                "const [done] = arguments; navigator.serviceWorker.ready.then(() => done(navigator.serviceWorker.controller !== null))"))
        group = phone.driver.execute_script("return location.hash")
        token = phone.driver.execute_script("return localStorage.getItem('fanju.token')")
        wallet = self.house.ask("GET", "/v1/me", token)["wallets"][0]["wallet"]
        self.house.kill()
        for window in self.windows:
            window.driver.refresh()
            window.see(".banner", window.word("reconnecting"))
            window.see(".loading.away", window.word("away"))
            window.shot(f"{window.name}-away", dark=True)
        with self.house.elsewhere():
            self.house.ask("POST", f"/v1/wallets/{wallet}/top-ups", token, key=f"meanwhile-{language}", amount=30_00)
        self.house.start()
        for window in self.windows:
            window.gone(".banner")
            window.gone(".loading")
        # Both are where they were, still signed in; what happened meanwhile is there, and the next bill goes through.
        self.assertEqual(phone.driver.execute_script("return location.hash"), group)
        till.see(".keypad")
        phone.home()
        phone.has(f"{before + 30}.00")
        phone.enter_table()
        code = phone.show_code()
        till.enter("20.00")
        till.scan(code)
        together(lambda: phone.pays("20.00"), lambda: till.result("settled", "20.00"))
        phone.close_sheet()

    # --- what is there -----------------------------------------------------------------------

    @classmethod
    def a_table(cls, phone):
        phone.driver.get(cls.house.url)
        phone.sign_up(PEOPLE["en"][0])
        phone.top_up("200")
        phone.has("200.00")
        phone.open_table()

    @classmethod
    def a_shop(cls, till):
        till.driver.get(f"{cls.house.url}/till")
        till.sign_up(PEOPLE["en"][2])
        till.open_shop(SHOP["en"])


if __name__ == "__main__":
    begin()
