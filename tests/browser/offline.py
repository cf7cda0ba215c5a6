"""The phone without its server: the page still opens, says that it is offline, goes on when the server is back, and
nobody pays twice for having asked twice.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/browser/offline.py
"""

from selenium.webdriver.common.keys import Keys

from house import House
from phone import Phone
from plays import PEOPLE, SHOP, Quiet, begin, together
from till import Till
from window import WITHIN


def a_shop(house, till):
    till.driver.get(f"{house.url}/till")
    till.sign_up(PEOPLE["en"][2])
    till.open_shop(SHOP["en"])


class Offline(Quiet):
    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Phone("cut"), lambda: Till("till"))
        for window in cls.windows:
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection", "Failed to fetch"]
        phone, till = cls.windows
        together(lambda: cls.a_table(phone), lambda: a_shop(cls.house, till))

    def test_1_in_english(self):
        self.cut("en", before=200)

    def test_2_in_chinese(self):
        self.cut("zh", before=210)

    def cut(self, language, *, before):
        phone, till = self.windows
        phone.home()
        together(lambda: phone.speak(language), lambda: till.speak(language))
        phone.enter_table()
        self.kept()
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

    def test_3_a_network_that_answers_nothing(self):
        """It counts as none after a while: the pages open from what is kept, and go on once it answers."""
        phone, till = self.windows
        self.kept()
        with self.house.stopped():
            for window in self.windows:
                window.driver.set_page_load_timeout(WITHIN)
                window.driver.refresh()
                window.see(".loading")
        for window in self.windows:
            window.gone(".loading")
        till.see(".keypad")
        phone.see("[data-key=pay]")

    # --- what is there -----------------------------------------------------------------------

    def kept(self):
        """The pages are kept by their service worker: without that none would load."""
        for window in self.windows:
            window.until("page that is kept", lambda window=window: window.driver.execute_async_script(
                "const [done] = arguments; navigator.serviceWorker.ready.then(() => done(navigator.serviceWorker.controller !== null))"))

    @classmethod
    def a_table(cls, phone):
        phone.driver.get(cls.house.url)
        phone.sign_up(PEOPLE["en"][0])
        phone.top_up("200")
        phone.has("200.00")
        phone.open_table()


class Twice(Quiet):
    """Money that was asked for while nothing could be sent: what a closed sheet asked for is gone with it."""

    @classmethod
    def setUpClass(cls):
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        cls.windows = together(lambda: Phone("payer"), lambda: Phone("payee"), lambda: Till("till"))
        payer, payee, till = cls.windows
        for window in cls.windows:
            cls.addClassCleanup(window.close)
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
        together(lambda: cls.somebody(payer, PEOPLE["en"][0]), lambda: cls.somebody(payee, PEOPLE["en"][1]), lambda: a_shop(cls.house, till))
        payer.top_up("300")
        payer.has("300.00")

    def test_1_a_transfer(self):
        payer, payee, _ = self.windows
        payee.account()
        number = payee.text(".panel code.mono.break")
        def send():
            payer.press("[data-key=card-send]")
            payer.write("dialog .input.mono", number)
            payer.write("dialog .input.big", "50")
        self.asked_twice(payer, send)
        payer.has("250.00")
        self.assertEqual(self.moved(payer), [300_00, -50_00])

    def test_2_a_top_up(self):
        payer, _, _ = self.windows
        def top_up():
            payer.press("[data-key=card-up]")
            payer.write("dialog .input.big", "20")
        self.asked_twice(payer, top_up)
        payer.has("270.00")
        self.assertEqual(self.moved(payer)[2:], [20_00])

    def test_3_a_part_of_an_order_given_back(self):
        payer, _, till = self.windows
        payer.open_table()
        till.enter("40.00")
        till.scan(payer.show_code())
        together(lambda: payer.pays("40.00"), lambda: till.result("settled", "40.00"))
        payer.close_sheet()
        payer.home()
        def give_back():
            till.press(".pane-orders button.row")
            till.press("dialog button", till.word("refund"))
            till.write("dialog input[inputmode=decimal]", "5")
        # The order is looked at before: the sheet opens from there.
        give_back()
        self.asked_twice(till, lambda: None, again=give_back)
        payer.has("235.00")
        self.assertEqual(self.moved(payer)[4:], [5_00])

    def test_4_what_was_sent_is_said_to_be_under_way(self):
        payer, payee, _ = self.windows
        number = payee.text(".panel code.mono.break")
        with self.house.stopped():
            for closes in (True, False):
                payer.press("[data-key=card-send]")
                payer.write("dialog .input.mono", number)
                payer.write("dialog .input.big", "10")
                payer.press("dialog button[type=submit]")
                payer.see("dialog button[aria-busy=true]")
                if closes:
                    payer.close_sheet()
                    payer.see(".toast.unpaid", payer.word("sent_already"))
        payer.gone("dialog")
        payer.has("225.00")
        self.assertEqual(self.moved(payer)[5:], [-10_00])

    def test_5_a_page_that_is_loaded_anew_before_it_was_answered(self):
        """Whoever sends the same again moves nothing a second time, and is told so; the third time it is meant."""
        payer, payee, till = self.windows
        number = payee.text(".panel code.mono.break")
        def send():
            payer.press("[data-key=card-send]")
            payer.write("dialog .input.mono", number)
            payer.write("dialog .input.big", "15")
        self.sent_and_loaded_anew(payer, send, "[data-testid=available]")
        payer.has("210.00")
        self.assertEqual(self.moved(payer)[6:], [-15_00])
        self.sends(payer, send)
        payer.has("195.00")
        def give_back():
            till.press(".pane-orders button.row")
            till.press("dialog button", till.word("refund"))
            till.write("dialog input[inputmode=decimal]", "3")
        self.sent_and_loaded_anew(till, give_back, ".pane-orders button.row")
        payer.has("198.00")
        self.assertEqual(self.moved(payer)[7:], [-15_00, 3_00])
        self.sends(till, give_back)
        payer.has("201.00")

    def sent_and_loaded_anew(self, window, ask, then):
        """It is done, and the page goes before it hears so."""
        payer, _, _ = self.windows
        before = len(self.moved(payer))
        ask()
        window.driver.execute_script("""
            const parse = JSON.parse;
            JSON.parse = (text) => { const said = parse(text); if ('id' in said) said.id = -1; return said; };""")
        window.press("dialog button[type=submit]")
        window.until("money that moves", lambda: len(self.moved(payer)) > before)
        window.see("dialog button[aria-busy=true]")
        window.driver.refresh()
        window.see(then)
        self.sends(window, ask, ".toast.unpaid", window.word("done_before"))
        window.shot(f"{window.name}-done-before")

    def sends(self, window, ask, css=".toast.good", text=None):
        ask()
        window.press("dialog button[type=submit]")
        window.gone("dialog")
        window.see(css, text)

    def asked_twice(self, window, ask, *, again=None):
        """Without a connection: asked for, closed, asked for again; then the server is there."""
        ask()
        self.house.kill()
        window.see(".banner", window.word("reconnecting"))
        window.press("dialog button[type=submit]")
        window.see("dialog button[aria-busy=true]")
        window.keys(Keys.ESCAPE)
        window.gone("dialog")
        window.see(".toast.bad", window.word("error_withdrawn"))
        if again is None:
            ask()
            window.press("dialog button[type=submit]")
            window.see("dialog button[aria-busy=true]")
        self.house.start()
        window.gone(".banner")
        if again is not None:
            again()
            window.press("dialog button[type=submit]")
        window.gone("dialog")
        window.see(".toast.good")

    def moved(self, phone):
        """What came to the phone's wallet and what went, in order, in minor units."""
        token = phone.driver.execute_script("return localStorage.getItem('fanju.token')")
        wallet = self.house.ask("GET", "/v1/me", token)["wallets"][0]["wallet"]
        events = self.house.ask("GET", f"/v1/wallets/{wallet}/events?limit=100", token)["events"]
        return [one["delta"] for one in reversed(events) if one.get("delta")]

    @classmethod
    def somebody(cls, phone, name):
        phone.driver.get(cls.house.url)
        phone.sign_up(name)
        phone.see("[data-testid=available]")


if __name__ == "__main__":
    begin()
