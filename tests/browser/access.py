"""Everybody can read and work the pages: axe-core finds nothing in any state of theirs, and the keyboard alone will do.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/browser/access.py

axe looks for what breaks WCAG 2 A or AA, in both languages, in light and dark, on a screen of 360 pixels and on the
demonstration's wide one. `FANJU_TOOLS` names the folder with its package (`target/tools`).
"""

import os

from selenium.webdriver.common.keys import Keys

from demo import AtTheDemo
from phone import Phone
from plays import PEOPLE, ROOT, SHOP, Quiet, begin, together
from till import Till
from window import PHONE

AXE = (ROOT / os.environ.get("FANJU_TOOLS", "target/tools") / "node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]

LOOK = """
const [tags, done] = arguments;
axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then(({ violations, passes }) => done([passes.length,
  violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id} (${help}): ${node.target} ${node.any.concat(node.all).map((one) => one.message).join('; ')}`))]));
"""


class Looking(Quiet):
    """What axe finds."""

    def look(self, window, state):
        """axe finds nothing in this state, light or dark."""
        window.driver.execute_script(AXE)
        for dark in (False, True):
            window.dark(dark)
            window._settle()
            passed, found = window.driver.execute_async_script(LOOK, RULES)
            self.assertGreater(passed, 5, "axe looked")
            if os.environ.get("FANJU_AXE_ALL"):
                for one in found:
                    print(f"\n{state}, {'dark' if dark else 'light'}: {one}")
            else:
                self.assertEqual(found, [], f"{window.name}: {state}, {'dark' if dark else 'light'}")
        window.dark(False)


class Readers(Looking):
    """A table and a till walk through their states, and axe looks at each."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Phone("ana"), lambda: Phone("bo"), lambda: Till("till"))
        cls.windows[2].resize(PHONE, mobile=True)

    def test_1_in_english(self):
        self.walk("en")

    def test_2_in_chinese(self):
        ana, bo, till = self.windows
        till.driver.get(f"{self.house.url}/till")
        together(ana.sign_out, bo.sign_out, till.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.walk("zh")

    def walk(self, language):
        self.seen = []
        ana, bo, till = self.windows
        self.welcomes(language)
        ana.sign_up(PEOPLE[language][0])
        ana.see("[data-testid=available]")
        self.look(ana, "empty wallet")
        ana.top_up("500")
        ana.has("500.00")
        self.a_table_of_two(language)
        self.shop(language)
        self.a_bill_that_is_asked_for()
        self.what_was_paid()
        self.money_back()
        self.the_operators_desk(language)
        self.the_reference()
        self.the_server_is_away()
        self.assertGreaterEqual(len(self.seen), 34, self.seen)

    def look(self, window, state):
        self.seen.append(state)
        super().look(window, state)

    def welcomes(self, language):
        ana, bo, till = self.windows
        for window, page in ((ana, ""), (bo, ""), (till, "/till")):
            window.driver.get(f"{self.house.url}{page}")
            window.speak(language)
        self.look(ana, "welcome")
        self.look(till, "till's welcome")
        ana.press("[data-key=lost-passkey]")
        self.look(ana, "recovery")
        ana.close_sheet()

    def a_table_of_two(self, language):
        ana, bo, _ = self.windows
        ana.press("button", ana.word("open_table"))
        self.look(ana, "opening a table")
        ana.press("dialog button[type=submit]")
        ana.see(".ring")
        link = ana.invitation()
        bo.driver.get(link)
        bo.see(".lead", bo.word("welcome_invited"))
        bo.sign_up(PEOPLE[language][1])
        bo.see(".join-name")
        self.look(bo, "joining")
        bo.join(ask_above="5")
        ana.see(".list .row", PEOPLE[language][1])
        self.look(ana, "table")
        for tool in ("people", "rules"):
            ana.press(f"[data-key=tool-{tool}]")
            ana.see("dialog")
            self.look(ana, tool)
            ana.close_sheet()
        bo.home()
        bo.top_up("500")
        bo.has("500.00")
        self.look(bo, "groups")
        bo.enter_table()

    def shop(self, language):
        _, _, till = self.windows
        till.press("button", till.word("till_new_owner"))
        self.look(till, "new owner")
        till.write("dialog input", PEOPLE[language][2])
        till.press("dialog button[type=submit]")
        till.see(".welcome .field:first-child input")
        till.gone("dialog")
        self.look(till, "new shop")
        till.write(".welcome .field:first-child input", SHOP[language])
        till.press(".welcome button", till.word("merchant_open"))
        till.see(".keypad")
        self.look(till, "till")
        till.press("[data-key=shops]")
        till.see("[data-testid=shops] .row", SHOP[language])
        self.look(till, "shops")
        till.press(f"button[aria-label='{till.word('shop_leave_this', shop=SHOP[language])}']")
        self.look(till, "leaving a shop")
        till.keys(Keys.ESCAPE)
        till.gone("dialog")
        till.press("[data-testid=shops] button.row")
        till.press(".wide-key")
        till.write("dialog textarea", "Duck,64.00\nTea,2,8.00")
        till.write("dialog [data-testid=bill-tip]", "20")
        self.look(till, "typing a bill")
        till.press("dialog button[type=submit]")
        till.gone("dialog")
        till.see(".bill-lines .row")
        self.look(till, "till with a bill")

    def a_bill_that_is_asked_for(self):
        ana, bo, till = self.windows
        code = ana.show_code()
        self.look(ana, "code")
        till.press(".till-code")
        till.scan(code)
        bo.asked("50.00")
        self.look(bo, "question")
        self.look(till, "till that waits")
        bo.agree()
        together(lambda: ana.pays("50.00"), lambda: bo.pays("50.00"), lambda: till.result("settled", "100.00"))
        self.look(ana, "receipt")
        self.look(till, "till that was paid")
        for phone in (ana, bo):
            phone.close_sheet()
        self.look(ana, "table that paid")
        # And one that nobody pays.
        till.next_order()
        till.enter("900")
        till.press(".till-code")
        till.scan(ana.show_code())
        bo.asked("450.00")
        bo.refuse()
        till.see(".result.declined")
        ana.see(".sheet.declined")
        self.look(till, "till that was not paid")
        self.look(ana, "bill that was not paid")
        for phone in (ana, bo):
            phone.close_sheet()

    def what_was_paid(self):
        ana, _, _ = self.windows
        ana.home()
        self.look(ana, "wallet")
        ana.statement()
        self.look(ana, "statement")
        ana.home()
        ana.account()
        self.look(ana, "account")
        ana.home()
        ana.press("[data-key=card-up]")
        ana.see("dialog .input.big")
        self.look(ana, "top-up")
        ana.close_sheet()

    def money_back(self):
        _, _, till = self.windows
        for tab in ("orders", "days", "shop"):
            till.press(".tab", till.word(f"till_{tab}"))
            till.see(f".pane-{tab} > *")
            self.look(till, f"till's {tab}")
        till.press("[data-key=add-keys]")
        self.look(till, "new key")
        till.keys(Keys.ESCAPE)
        till.gone("dialog")
        till.press(".tab", till.word("till_orders"))
        till.press(".pane-orders button.row")
        till.see("dialog .huge")
        self.look(till, "order")
        till.press("dialog button", till.word("refund"))
        till.see("dialog input[inputmode=decimal]")
        self.look(till, "refund")
        till.write("dialog input[inputmode=decimal]", "20")
        till.press("dialog button[type=submit]")
        till.see(".toast.good", "20.00")
        self.look(till, "refunded order")
        till.gone("dialog")
        till.press(".tab", till.word("till_collect"))

    def the_operators_desk(self, language):
        ana, bo, till = self.windows
        bo.home()
        ana.home()
        together(ana.enter_table, bo.enter_table)
        till.enter("30")
        till.press(".till-code")
        till.scan(ana.show_code())
        bo.asked("15.00")
        till.driver.get(f"{self.house.url}/operator")
        till.speak(language)
        self.look(till, "operator's welcome")
        till.write("input[type=password]", self.house.operator_token())
        till.press("button[type=submit]")
        till.see("[data-testid=audit] .good")
        till.see("[data-testid=open-orders] td", "30.00")
        self.look(till, "operator with an open order")
        # Where the table is wider than a phone, the keyboard gets to its end.
        till.driver.execute_script("document.activeElement.blur()")
        till.tab_to("[data-testid=open-orders]")
        till.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        till.until("table that moves", lambda: till.driver.execute_script(
            "const { scrollLeft, scrollWidth, clientWidth } = document.activeElement; return scrollLeft > 0 || scrollWidth <= clientWidth"))
        bo.refuse()
        ana.see(".sheet.declined")
        for phone in (ana, bo):
            phone.close_sheet()
        till.gone("[data-testid=open-orders] td")
        self.look(till, "operator")
        till.press("button", till.word("sign_out"))
        till.see("input[type=password]")

    def the_reference(self):
        """It speaks English alone, as programs' words do."""
        _, _, till = self.windows
        till.driver.get(f"{self.house.url}/docs")
        till.see("#schemas summary")
        self.look(till, "reference")

    def the_server_is_away(self):
        ana, _, till = self.windows
        # It says how the order ended that it left behind.
        till.driver.get(f"{self.house.url}/till")
        till.see(".result.declined")
        till.next_order()
        till.see(".keypad")
        for window in self.windows:
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection", "Failed to fetch"]
        self.house.kill()
        for window in (ana, till):
            window.driver.refresh()
            window.see(".loading.away", window.word("away"))
            self.look(window, "away")
        self.house.start()
        for window in (ana, till):
            window.gone(".loading")


class Demonstration(Looking, AtTheDemo):
    """The page that shows all of them at once; what its frames show is looked at above."""

    def test_in_both_languages(self):
        [demo] = self.windows
        for language in ("en", "zh"):
            demo.driver.get(f"{self.house.url}/demo")
            demo.speak(language)
            demo.ready()
            self.look(demo, "demo")
            demo.play()
            demo.everybody_paid("32.00", "256.00")
            self.look(demo, "demo after the dinner")


class Keyboard(Quiet):
    """A whole evening without a mouse or a finger: from signing up to the receipt, and at the till."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Phone("typing"), lambda: Till("till"))

    def test_1_in_english(self):
        self.evening("en")

    def test_2_in_chinese(self):
        phone, till = self.windows
        together(phone.sign_out, till.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.evening("zh")

    def evening(self, language):
        phone, till = self.windows
        together(lambda: self.diner(language), lambda: self.owner(language))
        self.go(phone, "[data-key=pay]", Keys.ENTER)
        code = phone.text("[data-testid=code]").replace(" ", "")
        # The amount on the keys of the screen, then the code.
        for key in ("2", "4", "00"):
            self.go(till, f".key[aria-label='{key}']", Keys.SPACE)
        self.go(till, ".till-code", code)
        till.see(".result.settled, .result.asking")
        together(lambda: phone.pays("24.00"), lambda: till.result("settled", "24.00"))
        self.go(phone, "dialog .sheet-head button", Keys.ENTER)
        phone.gone("dialog")
        # Whoever is about to leave the table still is when it is drawn anew.
        back = f"button[aria-label='{phone.word('back')}']"
        phone.tab_to(back)
        self.refund(till)
        phone.see(".toast.good", "4.00")
        phone.see(".list .row .plus", "4.00")
        phone.tab_to(back, most=1)
        phone.keys(Keys.ENTER)
        phone.has("480.00")
        self.go(phone, "[data-key=card-list]", Keys.ENTER)
        phone.see(".list .row .plus", "4.00")
        self.go(phone, back, Keys.ENTER)
        phone.see("[data-testid=available]")

    def diner(self, language):
        phone, _ = self.windows
        self.open(phone, "", language)
        self.go(phone, "input[name=name]", PEOPLE[language][0])
        self.go(phone, "button[type=submit]", Keys.ENTER)
        phone.see("[data-testid=available]")
        self.go(phone, "[data-key=card-up]", Keys.ENTER)
        self.go(phone, "dialog .input.big", Keys.BACKSPACE * 8, "500", Keys.ENTER)
        phone.has("500.00")
        phone.gone("dialog")
        self.go(phone, "button", Keys.ENTER, text=phone.word("open_table"))
        # Arrows choose; whoever cannot pay is covered by the others.
        self.go(phone, "dialog .field:last-of-type select", Keys.ARROW_DOWN)
        self.assertEqual(phone.driver.execute_script("return document.activeElement.value"), "reshare")
        self.go(phone, "dialog button[type=submit]", Keys.SPACE)
        phone.see(".ring")

    def owner(self, language):
        _, till = self.windows
        self.open(till, "/till", language)
        self.go(till, "button", Keys.ENTER, text=till.word("till_new_owner"))
        self.go(till, "dialog input", PEOPLE[language][2], Keys.ENTER)
        till.see(".welcome h1", till.word("merchant_new"))
        self.go(till, ".welcome input", SHOP[language])
        self.go(till, ".welcome button", Keys.ENTER, text=till.word("merchant_open"))
        till.see(".keypad")

    def refund(self, till):
        self.go(till, ".pane-orders button.row", Keys.ENTER)
        self.go(till, "dialog button", Keys.ENTER, text=till.word("refund"))
        self.go(till, "dialog input[inputmode=decimal]", "4", Keys.ENTER)
        till.see(".toast.good", "4.00")
        till.gone("dialog")

    def open(self, window, page, language):
        window.driver.get(f"{self.house.url}{page}")
        window.see(".language")
        if window.driver.execute_script("return document.documentElement.lang.slice(0, 2)") != language:
            self.go(window, ".language", Keys.ENTER)
        window.until(f"page in {language}", lambda: window.driver.execute_script(
            "return document.documentElement.lang.slice(0, 2) === arguments[0] && document.querySelector('.language') !== null", language))

    def go(self, window, css, *keys, text=""):
        """Walks there by the tabulator, and types."""
        window.see(css, text)
        window.tab_to(css, text)
        window.keys(*keys)


if __name__ == "__main__":
    begin()
