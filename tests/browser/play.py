"""A real browser plays whole evenings: phones, a till, the operator's desk, and the demo.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/browser/play.py

Pictures of everything lie in `target/screenshots` afterwards (`FANJU_SCREENSHOTS` names another folder).
`FANJU_BROWSER_WITHIN` says how many seconds a page may take for anything (30).
"""

import re
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from selenium.webdriver.common.keys import Keys

from demo import AtTheDemo
from house import House
from phone import Phone
from plays import PEOPLE, SHOP, Quiet, begin, together
from receiver import Receiver
from till import Till
from window import PHONE

DISHES = {"en": ("Beef noodles", "Plum drink", "Cucumber salad"), "zh": ("牛肉面", "酸梅汤", "拍黄瓜")}
NEXT_DOOR = {"en": "Tea House", "zh": "隔壁茶馆"}
TABLET = {"en": "Tablet", "zh": "平板"}


def cents(text):
    """The minor units that a page shows as money."""
    return int(re.sub(r"[^\d-]", "", text))


class Dinner(Quiet):
    """Two phones and a till, each a browser of its own with a passkey of its own; no demo."""

    @classmethod
    def setUpClass(cls):
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        cls.windows = together(lambda: Phone("ana"), lambda: Phone("bo"), lambda: Till("till"))
        for window in cls.windows:
            cls.addClassCleanup(window.close)

    def test_1_an_evening_in_english(self):
        self.evening("en")

    def test_2_an_evening_in_chinese(self):
        ana, bo, till = self.windows
        together(ana.sign_out, bo.sign_out, till.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.evening("zh")
        ana.sign_out()
        ana.sign_in()
        ana.see(".top-name", PEOPLE["zh"][0])

    def test_3_a_payment_by_keyboard_alone(self):
        ana, bo, till = self.windows
        together(lambda: self.at_the_table(ana), lambda: self.at_the_table(bo))
        bo.press("[data-key=consent]")
        bo.write("dialog .two .field:last-child input", "5")
        bo.press("dialog button[type=submit]")
        bo.gone("dialog")
        ana.driver.execute_script("document.activeElement.blur()")
        ana.tab_to("[data-key=pay]")
        ana.keys(Keys.ENTER)
        code = ana.text("[data-testid=code]").replace(" ", "")
        till.next_order()
        till.tab_to(".till-amount")
        till.keys("12.34", Keys.ENTER)
        till.keys(code, Keys.ENTER)
        bo.see(".question [data-testid=owed]", "6.17")
        bo.tab_to(".question .button.pay")
        bo.keys(Keys.ENTER)
        together(lambda: ana.pays("6.17"), lambda: bo.pays("6.17"), lambda: till.result("settled", "12.34"))
        for phone in (ana, bo):
            phone.close_sheet()

    def test_4_the_server_dies_and_comes_back(self):
        ana, bo, till = self.windows
        for window in self.windows:
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
        together(lambda: self.at_the_table(ana), lambda: self.at_the_table(bo))
        self.house.kill()
        for window in self.windows:
            window.see(".banner", window.word("reconnecting"))
        ana.shot("phone-offline", dark=True)
        till.shot("till-offline")
        self.house.start()
        together(*(lambda window=window: window.gone(".banner") for window in self.windows))
        # Nobody loaded anything anew; everybody hears of the next bill.
        self.pay(ana, till, "30.00")
        bo.asked("15.00")
        bo.agree()
        together(lambda: ana.pays("15.00"), lambda: bo.pays("15.00"), lambda: till.result("settled", "30.00"))

    def test_5_the_operator_watches(self):
        till = self.windows[2]
        for language in ("en", "zh"):
            till.driver.get(f"{self.house.url}/operator")
            till.speak(language)
            till.shot("operator-welcome")
            # A till's key is a token, too, and not this one.
            for wrong in (self.house.operator_token()[:-1], self.house.till_key):
                till.write("input[type=password]", wrong)
                till.press("button[type=submit]")
                till.see(".toast.bad", till.word("operator_token_wrong"))
                till.until("token to type over", lambda till=till, wrong=wrong: till.driver.execute_script(
                    "const at = document.activeElement; return at.selectionStart === 0 && at.selectionEnd === arguments[0]", len(wrong)))
            till.shot("operator-token-wrong")
            till.keys(self.house.operator_token(), Keys.ENTER)
            till.see(".tile strong")
            self.assertEqual(till.count(".toast"), 0, "what was wrong with the other tokens is over")
            till.until("line over time", lambda till=till: till.count(".plot-dot") >= 2)
            self.the_money_is_all_there(till)
            till.shot("operator", dark=True)
            till.resize(PHONE, mobile=True)
            till.shot("operator-360")
            till.resize((1280, 900))
            till.press("button", till.word("sign_out"))
            till.see("input[type=password]")
        till.driver.get(f"{self.house.url}/docs")
        till.see("#schemas summary")
        till.shot("docs", dark=True)
        till.resize(PHONE, mobile=True)
        till.shot("docs-360")
        till.resize((1280, 900))
        self.what_was_linked_to_is_marked(till)
        self.an_address_that_was_mistyped(till)

    def test_6_a_table_that_was_left_elsewhere(self):
        """It says so in its diner's language, and is there again for whoever comes back."""
        ana, bo, _ = self.windows
        together(lambda: self.at_the_table(ana), lambda: self.at_the_table(bo))
        link = ana.invitation()
        [group] = re.findall(r"group=([\w-]+)", link)
        token = bo.driver.execute_script("return localStorage.getItem('fanju.token')")
        wallet = self.house.ask("GET", "/v1/me", token)["wallets"][0]["wallet"]
        self.house.ask("DELETE", f"/v1/groups/{group}/members/{wallet}", token)
        bo.see(".round", bo.word("reason_shut_out"))
        bo.driver.get(link)
        bo.join()
        bo.see("[data-key=pay]")

    def what_was_linked_to_is_marked(self, till):
        for place, code in (("/problems/forbidden", "forbidden"), ("/docs#problem-busy", "busy"), ("/docs#closing", "closing")):
            till.driver.get(f"{self.house.url}{place}")
            till.see(f"#problem-{code}.linked", code)
            self.assertEqual(till.count(".linked"), 1, place)
        till.shot("docs-linked", dark=True)

    def an_address_that_was_mistyped(self, till):
        till.expected = ["/tlil - Failed to load resource: the server responded with a status of 404"]
        for language in ("en", "zh"):
            till.driver.get(f"{self.house.url}/tlil")
            till.speak(language)
            till.see("h1", till.word("missing"))
            till.shot("missing", dark=True)
            till.press("a", till.word("missing_home"))
            till.see(".brand-word")

    def the_money_is_all_there(self, till):
        """The audit says from when it is, that it comes to zero, and the page's own sums do."""
        till.see("[data-testid=audit] .good", till.word("audit_balanced"))
        till.see("[data-testid=audit] h3", "CNY")
        till.press("[data-key=audit-again]")
        rows = till.until("sums of the audit", lambda: till.driver.execute_script(
            "return [...document.querySelectorAll('[data-testid=audit] [data-currency=CNY] td')].map((cell) => cell.textContent)"))
        wallets, merchants, clearing = (cents(text) for text in rows)
        self.assertEqual(wallets + merchants + clearing, 0, rows)
        self.assertGreater(merchants, 0, "shops were paid")
        # A server whose sums do not come to zero cannot be had: the page is told of one.
        till.driver.execute_script("""
            const parse = JSON.parse;
            JSON.parse = (text) => { const said = parse(text); if (said.result?.balanced) said.result.balanced = false; return said; };
            window.honest = () => { JSON.parse = parse; };""")
        till.press("[data-key=audit-again]")
        till.see("[data-testid=audit] .alarm", till.word("audit_wrong"))
        till.driver.execute_script("window.honest()")
        till.press("[data-key=audit-again]")
        till.see("[data-testid=audit] .good")

    # --- what an evening is ------------------------------------------------------------------

    def evening(self, language):
        ana, bo, till = self.windows
        together(lambda: self.a_diner(ana, language, 0), lambda: self.a_shop(till, language))
        link = ana.invitation()
        self.another_diner(bo, language, link)
        ana.see(".list .row", PEOPLE[language][1])
        ana.shot("phone-table", dark=True)

        self.pay(ana, till, "100.00", picture=True)
        together(lambda: ana.pays("50.00"), lambda: bo.pays("50.00"), lambda: till.result("settled", "100.00"))
        together(lambda: ana.shot("phone-receipt", dark=True), lambda: till.shot("till-settled", dark=True))
        for phone in (ana, bo):
            phone.close_sheet()
        ana.shot("phone-table-paid", dark=True)

        self.too_much_for_one(ana, bo, till)
        together(ana.home, bo.home)
        together(lambda: ana.has("450.00"), lambda: bo.has("450.00"))
        self.money_back(ana, bo, till)
        self.a_large_amount(ana, bo)
        self.the_rest_of_the_phone(ana)
        self.dishes_are_claimed(ana, bo, till, language)
        self.the_owner_at_home(till, bo)
        self.till_on_a_phone(till)
        self.a_till_of_its_own(till)

    def a_diner(self, phone, language, which):
        phone.driver.get(self.house.url)
        phone.speak(language)
        phone.shot("phone-welcome", dark=True)
        phone.press("button[type=submit]")
        phone.see(".toast.bad", phone.word("field_missing", field=phone.word("your_name")))
        phone.write("input[name=name]", "Typed")
        for other in ({"en": "zh", "zh": "en"}[language], language):
            phone.speak(other)
            self.assertEqual(phone.see("input[name=name]").get_attribute("value"), "Typed")
        phone.sign_up(PEOPLE[language][which])
        phone.see("[data-testid=available]")
        phone.shot("phone-empty")
        phone.top_up("500")
        phone.has("500.00")
        phone.open_table()

    def another_diner(self, phone, language, link):
        """By the link, and with the account that the link asks for."""
        phone.driver.get(self.house.url)
        phone.speak(language)
        phone.driver.get(link)
        phone.see(".lead", phone.word("welcome_invited"))
        phone.sign_up(PEOPLE[language][1])
        phone.see(".join-name")
        phone.shot("phone-join")
        phone.join()
        phone.home()
        phone.top_up("500")
        phone.has("500.00")
        phone.shot("phone-home", dark=True)
        phone.enter_table()

    def a_shop(self, till, language):
        till.driver.get(f"{self.house.url}/till")
        till.speak(language)
        till.shot("till-welcome", dark=True)
        till.sign_up(PEOPLE[language][2])
        till.press(".welcome button", till.word("merchant_open"))
        till.see(".toast.bad", till.word("field_missing", field=till.word("merchant_name")))
        till.shot("till-onboard", dark=True)
        till.resize(PHONE, mobile=True)
        till.shot("till-onboard-360")
        till.resize((1280, 900))
        till.open_shop(SHOP[language])
        till.shot("till-empty", dark=True)

    def pay(self, phone, till, amount, *, picture=False, on_screen=False):
        code = phone.show_code()
        if picture:
            phone.until("pictures of the code", lambda: phone.driver.execute_script(
                "return [...document.querySelectorAll('.code-card img')].every((one) => one.complete && one.naturalWidth > 0)"))
            phone.shot("phone-code", dark=True)
        (till.enter_on_screen if on_screen else till.enter)(amount)
        till.scan(code)

    def too_much_for_one(self, ana, bo, till):
        """A share above what one agreed to is asked for; one no, and nobody pays."""
        self.pay(ana, till, "900.00", on_screen=True)
        together(lambda: ana.asked("450.00"), lambda: bo.asked("450.00"))
        together(lambda: ana.shot("phone-question", dark=True), lambda: till.shot("till-asking"))
        bo.refuse()
        till.see(".result.declined", till.word("nothing_taken"))
        together(lambda: ana.see(".sheet.declined"), lambda: bo.see(".sheet.declined"))
        together(lambda: ana.shot("phone-declined", dark=True), lambda: till.shot("till-declined", dark=True))
        for phone in (ana, bo):
            phone.close_sheet()
        # What is no code is seen at the till, without asking anybody, and told apart.
        for digits, wrong in (("123", "code_length"), ("280000000000000001", "code_other"), ("880000000000000001", "code_mistyped")):
            till.scan(digits)
            till.see(".toast.bad", till.word(wrong, count=len(digits)))
            self.assertEqual(till.see(".till-code").get_attribute("value"), digits, "it can be mended")
            till.keys(Keys.ENTER, Keys.ENTER)
        said = till.driver.execute_script("return [...document.querySelectorAll('.toast')].map((one) => one.textContent)")
        self.assertEqual(len(said), len(set(said)), said)
        for digits in ("1", "12", "123", "1234"):
            till.scan(digits)
            till.see(".toast.bad", till.word("code_length", count=len(digits)))
            self.assertEqual(till.count(".toast"), 1, "what was wrong with the scan before is over")
        self.lesser_news_goes_first(till)

    def lesser_news_goes_first(self, page):
        """That money did not move is read, whatever else is said meanwhile."""
        said = page.driver.execute_async_script("""
            const [done] = arguments;
            import('/assets/ui.js').then(({ forgetRefused, toast }) => {
              forgetRefused();
              toast('not paid', 'unpaid');
              for (const news of ['one', 'two', 'three']) toast(news);
              const said = [...document.querySelectorAll('.toast')];
              done(said.map((one) => { one.click(); return one.textContent; }));
            });""")
        self.assertEqual(said, ["not paid", "two", "three"])

    def money_back(self, ana, bo, till):
        till.refund("20")
        till.see(".toast.good", "20.00")
        together(lambda: ana.see(".toast.good", "10.00"), lambda: ana.has("460.00"), lambda: bo.has("460.00"))
        till.see(".pane-orders .row", "20.00")
        ana.statement()
        ana.see(".list .row", "50.00")
        ana.see(".list .row .plus", "10.00")
        ana.shot("phone-statement", dark=True)
        ana.press(".list button.row")
        ana.see(".receipt [data-testid=my-share]", "50.00")
        ana.shot("phone-receipt-refunded")
        ana.close_sheet()
        ana.home()

    def a_large_amount(self, ana, bo):
        ana.top_up("2000")
        ana.has("2,460.00")
        ana.transfer("1500")
        ana.see("dialog", ana.word("step_up"))
        ana.shot("phone-step-up")
        ana.step_up()
        together(lambda: ana.has("960.00"), lambda: bo.has("1,960.00"), lambda: bo.see(".toast.good", "1,500.00"))

    def the_rest_of_the_phone(self, phone):
        phone.press(f"button[aria-label='{phone.word('account')}']")
        phone.see(".row", phone.word("this_device"))
        phone.shot("phone-account", dark=True)
        phone.press("button", phone.word("withdraw"))
        phone.write("dialog .input.big", "x")
        phone.press("dialog button[type=submit]")
        phone.see(".form-error", phone.word("error_amount_needed"))
        phone.shot("phone-wrong-amount")
        phone.close_sheet()
        phone.home()
        phone.press("button", phone.word("open_table"))
        phone.see("dialog select")
        phone.shot("phone-open-table", dark=True)
        phone.close_sheet()
        phone.enter_table()
        phone.press("[data-key=tool-rules]")
        phone.see("dialog select")
        phone.shot("phone-rules")
        phone.close_sheet()
        phone.press("[data-key=tool-people]")
        phone.see("dialog code")
        phone.shot("phone-invite")
        phone.close_sheet()

    def dishes_are_claimed(self, ana, bo, till, language):
        """The till sends the bill to the phones, everybody taps what they had, and only then it is collected."""
        noodles, drink, salad = DISHES[language]
        bo.enter_table()
        till.import_bill(f"{noodles},64.00", f"{drink},16.00", f"{salad},20.00")
        till.send_to_table()
        till.shot("till-drafting")
        code = ana.show_code()
        till.scan(code)
        till.result("drafted", "100.00")
        # A scanner that reads once more what stays in its view collects nothing.
        till.scan(code)
        till.result("drafted", "100.00")
        till.shot("till-drafted", dark=True)
        ana.close_sheet()
        ana.press("[data-key=claims-on]")
        together(lambda: ana.claim(0), lambda: bo.claim(1))
        together(lambda: ana.claim(2), lambda: bo.claim(2))
        ana.see(".dish", f"{PEOPLE[language][1]}")
        # Two thirds of the salad: what each would pay is seen at once, on both phones.
        bo.press("[data-key=more-2]")
        together(lambda: ana.see(".sum", "70.67"), lambda: bo.see(".sum", "29.33"))
        ana.shot("phone-claims", dark=True)
        till.press("[data-key=next]", till.word("till_collect"))
        till.scan(ana.show_code())
        together(lambda: ana.pays("70.67"), lambda: bo.pays("29.33"), lambda: till.result("settled", "100.00"))
        for phone in (ana, bo):
            phone.see(".receipt [data-testid=dishes]", f"{noodles} · {salad} 1/3")
            phone.see(".receipt [data-testid=dishes]", f"{drink} · {salad} 2/3")
        ana.shot("phone-receipt-dishes", dark=True)
        for phone in (ana, bo):
            phone.close_sheet()
        ana.split("equal")
        bo.home()

    def the_owner_at_home(self, till, cashier):
        """Staff and an address that is refused."""
        cashier.press(f"button[aria-label='{cashier.word('account')}']")
        cashier.press("summary")
        number = cashier.text("[data-testid=person]")
        cashier.home()
        till.press("[data-key=add-staff]")
        for typed, wrong in (("", "field_missing"), (number[:-1], "field_wrong")):
            till.write("dialog input.mono", typed)
            till.press("dialog button[type=submit]")
            till.see(".form-error", till.word(wrong, field=till.word("person_number")))
        till.shot("till-staff-wrong")
        till.write("dialog input.mono", number)
        till.press("dialog button[type=submit]")
        till.see(".pane-shop .row", till.word("role_cashier"))
        till.press("[data-key=add-webhooks]")
        till.write("dialog input.mono", "http://localhost:1/orders")
        till.press("dialog button[type=submit]")
        till.see(".form-error", till.word("error_webhook_url_refused"))
        till.shot("till-webhook-refused")
        till.keys(Keys.ESCAPE)
        till.gone("dialog")

    def a_till_of_its_own(self, till):
        """The owner makes a key and leaves; the till works with it, and shows nothing of the owner's."""
        till.press("[data-key=add-keys]")
        till.write("dialog input[maxlength]", "1")
        till.shot("till-key")
        till.press("dialog button[type=submit]")
        key = self.house.till_key = till.text("[data-testid=secret]")
        till.shot("till-key-made")
        till.press("dialog button", till.word("secret_kept"))
        till.gone("dialog")
        till.see(".pane-shop .row", till.word("never_used"))
        till.shot("till-shop", dark=True)
        till.sign_out()
        till.press(".welcome button", till.word("till_enter"))
        till.see(".toast.bad", till.word("field_missing", field=till.word("till_key")))
        till.write(".welcome input.mono", f"{key}x")
        till.press(".welcome button", till.word("till_enter"))
        till.see(".toast.bad", till.word("till_key_wrong"))
        self.assertEqual(till.see(".welcome input.mono").get_attribute("value"), f"{key}x", "it can be mended")
        self.assertFalse(till.look(".banner"), "nobody was signed in who could have been signed out")
        till.shot("till-key-wrong")
        till.keys(Keys.END, Keys.BACKSPACE)
        till.press(".welcome button", till.word("till_enter"))
        till.see(".keypad")
        assert not till.look(".pane-shop"), "a key shows what belongs to the owner"

    def till_on_a_phone(self, till):
        till.resize(PHONE, mobile=True)
        for tab in ("collect", "orders", "days", "shop"):
            till.press(".tab", till.word(f"till_{tab}"))
            till.see(f".pane-{tab} > *")
            till.shot(f"till-{tab}-360", dark=True)
        till.press(".tab", till.word("till_collect"))
        till.next_order()
        code = till.driver.execute_script("return arguments[0].getBoundingClientRect().bottom", till.see(".till-code"))
        self.assertLess(code, PHONE[1] / 2, "the code is in sight, beside the keypad")
        till.resize((1280, 900))

    def at_the_table(self, phone):
        phone.driver.refresh()
        phone.see("[data-testid=available], .ring")
        if not phone.look(".ring"):
            phone.enter_table()
        phone.see("[data-key=pay]")


class Passkeys(Quiet):
    """One passkey more, one less, and the way back for whoever has lost them all."""

    @classmethod
    def setUpClass(cls):
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        cls.windows = (Phone("keeper"),)
        cls.addClassCleanup(cls.windows[0].close)

    def test_1_in_english(self):
        self.passkeys("en")

    def test_2_in_chinese(self):
        [phone] = self.windows
        phone.sign_out()
        phone.another_device()
        self.passkeys("zh")

    def passkeys(self, language):
        [phone] = self.windows
        name, tablet = PEOPLE[language][0], TABLET[language]
        phone.driver.get(self.house.url)
        phone.speak(language)
        phone.sign_up(name)
        phone.top_up("2000")
        phone.has("2,000.00")
        phone.account()
        phone.see(".page-part", phone.word("passkey_only_one"))
        phone.see(".page-part", phone.word("recovery_none"))
        assert not phone.look("[data-key^=remove-]"), "the last passkey can be removed"
        first = phone.text(".page-part .list strong")

        # By keyboard alone, as far as the browser's own window.
        phone.tab_to("[data-key=add-passkey]")
        phone.keys(Keys.ENTER)
        phone.see("dialog", phone.word("step_up_passkeys"))
        phone.step_up_on("dialog input")
        phone.write("dialog input", tablet)
        phone.shot("phone-passkey-add", dark=True)
        phone.keys(Keys.ENTER)
        phone.see(".form-error", phone.word("error_passkey_here"))
        phone.another_device()
        phone.press("dialog button[type=submit]")
        phone.see(".toast.good", tablet)
        phone.passkeys(first, tablet)

        phone.tab_to("[data-key=make-codes]")
        phone.keys(Keys.ENTER)
        # The look went with the passkey that was added.
        phone.see("dialog", phone.word("step_up_passkeys"))
        phone.step_up_on("[data-testid=recovery-code]")
        codes = phone.codes()
        self.assertEqual(len(set(codes)), 8)
        phone.shot("phone-recovery-codes", dark=True)
        phone.press("[data-key=kept]")
        phone.gone("dialog")
        phone.see(".page-part", phone.word("recovery_left", left=8, of=8))
        phone.shot("phone-passkeys", dark=True)

        # The second passkey comes in, and the first one goes.
        phone.sign_out()
        phone.sign_in()
        phone.account()
        phone.press(".page-part .list li:first-child .danger")
        phone.shot("phone-passkey-remove")
        phone.press("[data-key=sure]")
        phone.see("dialog", phone.word("step_up_passkeys"))
        phone.step_up()
        phone.passkeys(tablet)

        # The tablet is lost.
        phone.sign_out()
        phone.another_device()
        phone.press("[data-key=lost-passkey]")
        phone.come_back(name, "0000-0000-0000-0000")
        phone.see(".form-error", phone.word("error_recovery_refused"))
        phone.shot("phone-recovery", dark=True)
        phone.come_back(name, codes[3].replace("-", " ").lower())
        phone.see(".toast.good", phone.word("toast_recovered"))
        phone.passkeys(tablet, first)
        phone.see(".page-part", phone.word("recovery_left", left=7, of=8))
        phone.see(".list .row", phone.word("device_recovered", when="").strip(" ,"))
        phone.shot("phone-recovered", dark=True)

        # Money takes the new passkey.
        phone.press("button", phone.word("withdraw"))
        phone.write("dialog .input.big", "1500")
        phone.press("dialog button[type=submit]")
        phone.see("dialog", phone.word("step_up_why"))
        phone.step_up()
        phone.see(".toast.good", "1,500.00")
        # That look was for money: a change takes one of its own.
        phone.press(".page-part .list li:first-child .danger")
        phone.press("[data-key=sure]")
        phone.see("dialog", phone.word("step_up_passkeys"))
        phone.step_up()
        phone.passkeys(first)

        # New codes make the former void, and a code is good for once.
        phone.press("[data-key=make-codes]")
        phone.see("dialog", phone.word("recovery_anew_why"))
        phone.press("[data-key=sure]")
        phone.see("dialog", phone.word("step_up_passkeys"))
        phone.step_up_on("[data-testid=recovery-code]")
        fresh = phone.codes()
        phone.press("[data-key=kept]")
        phone.gone("dialog")
        phone.sign_out()
        for code in (codes[3], codes[4]):
            phone.press("[data-key=lost-passkey]")
            phone.come_back(name, code)
            phone.see(".form-error", phone.word("error_recovery_refused"))
            phone.close_sheet()
        # Whoever has the passkey after all is told so, and has used nothing up.
        phone.press("[data-key=lost-passkey]")
        phone.come_back(name, fresh[0])
        phone.see(".form-error", phone.word("error_passkey_here"))
        phone.close_sheet()
        phone.sign_in()
        phone.account()
        phone.see(".page-part", phone.word("recovery_left", left=8, of=8))


class Hooks(Quiet):
    """The owner's webhooks: what was sent and how it was answered, a message once more, a new secret."""

    @classmethod
    def setUpClass(cls):
        cls.house = House(demo=True, webhooks_over_http="true", webhooks_to_private_addresses="true")
        cls.addClassCleanup(cls.house.close)
        cls.receiver = Receiver()
        cls.addClassCleanup(cls.receiver.close)
        cls.windows = (Till("owner"),)
        cls.addClassCleanup(cls.windows[0].close)
        cls.cast = cls.house.ask("GET", "/demo/cast")

    def test_1_in_english(self):
        self.hooks("en")

    def test_2_in_chinese(self):
        self.hooks("zh")

    def test_3_a_cut_makes_no_second_secret(self):
        """The till asks again under its key: one is made, and its secret is seen."""
        [till] = self.windows
        till.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
        for add, fill, none in (("add-keys", "1", "shop_keys_none"), ("add-webhooks", self.receiver.url, "shop_webhooks_none")):
            till.see(".pane-shop", till.word(none))
            till.press(f"[data-key={add}]")
            till.write("dialog .field input", fill)
            with self.house.stopped():
                till.press("dialog button[type=submit]")
                till.see("dialog button[aria-busy=true]")
                self.house.kill()
            self.house.start()
            self.secret(till)
            till.gone(".banner")

    def hooks(self, language):
        [till] = self.windows
        till.driver.get(f"{self.house.url}/till")
        till.driver.execute_script("localStorage.setItem('fanju.till', arguments[0])", self.cast["merchant"]["token"])
        till.driver.refresh()
        till.see(".keypad")
        till.speak(language)
        till.press("[data-key=add-webhooks]")
        till.write("dialog input.mono", self.receiver.url)
        till.press("dialog button[type=submit]")
        first = self.secret(till)

        self.receiver.status = 500
        self.a_table_pays(f"{language}-1")
        headers, _ = self.receiver.next()
        self.assertEqual(len(headers["webhook-signature"].split()), 1)
        till.press("[data-key^=webhook-]")
        self.log_says(till, "500")
        till.shot("till-webhook", dark=True)
        self.receiver.status = 200
        till.press("[data-key=replay]")
        till.see(".toast.good", till.word("toast_replayed"))
        again, _ = self.receiver.next()
        self.assertEqual(again["webhook-id"], headers["webhook-id"])
        self.log_says(till, till.word("delivery_delivered"))

        till.press("[data-key=rotate]")
        till.press("[data-key=sure]")
        self.assertNotEqual(self.secret(till), first)
        self.a_table_pays(f"{language}-2")
        while (headers := self.receiver.next()[0])["webhook-id"] == again["webhook-id"]:
            pass
        self.assertEqual(len(headers["webhook-signature"].split()), 2, "for a day both secrets sign")
        till.press("[data-key^=webhook-]")
        self.log_says(till, till.word("delivery_delivered"))
        till.resize(PHONE, mobile=True)
        till.shot("till-webhook-360")
        till.resize((1280, 900))
        till.press("dialog .button.danger", till.word("shop_remove"))
        till.press("[data-key=sure]")
        till.see(".pane-shop", till.word("shop_webhooks_none"))

    def secret(self, till):
        """What is shown this once."""
        text = till.text("[data-testid=secret]")
        till.press("dialog button", till.word("secret_kept"))
        till.gone("dialog")
        return text

    def log_says(self, till, text):
        """The log is read anew until the answer stands in it."""
        def act():
            till.press("[data-key=deliveries-again]")
            return till.look("[data-testid=deliveries] .row", text)
        till.until(f"delivery with {text}", act)

    def a_table_pays(self, order_no):
        shop, diner = self.cast["merchant"], self.cast["diners"][0]
        group = self.house.ask("POST", "/v1/groups", diner["token"], name="Table", host=diner["wallet"], cap=100_00)["group"]
        code = self.house.ask("POST", f"/v1/groups/{group}/codes", diner["token"], by=diner["wallet"])["code"]
        ended = self.house.ask("POST", f"/v1/merchants/{shop['merchant']}/orders", shop["token"], code=code, order_no=order_no, total=12_00)
        self.assertEqual(ended["state"], "settled", ended)


class Counter(Quiet):
    """A till with a day behind it: numbers that come twice, orders that are looked up, and what the day came to."""

    BEFORE = 105

    @classmethod
    def setUpClass(cls):
        cls.house = House(demo=True)
        cls.addClassCleanup(cls.house.close)
        cls.windows = (Till("counter"),)
        cls.addClassCleanup(cls.windows[0].close)
        cls.cast = cls.house.ask("GET", "/demo/cast")
        cls.took = cls.paid = cls.gave = 0

    def test_1_in_english(self):
        self.at_the_counter("en")

    def test_2_in_chinese(self):
        self.at_the_counter("zh")

    def at_the_counter(self, language):
        [till] = self.windows
        till.stand_in("UTC")
        till.driver.get(f"{self.house.url}/till")
        till.driver.execute_script("localStorage.setItem('fanju.till', arguments[0])", self.cast["merchant"]["token"])
        till.driver.refresh()
        till.see(".keypad")
        till.speak(language)
        first, second = (self.a_table(diner) for diner in self.cast["diners"][:2])
        order_no = f"{language}-7"
        self.amounts_that_may_be_either(till, first)
        self.a_code_that_is_typed(till, first)
        self.bills_that_are_not_clear(till)
        self.a_bill_with_more_than_dishes(till, first)
        self.one_number_for_two_tables(till, order_no, first, second)
        self.an_order_of_long_ago(till, order_no, first)
        self.a_till_that_comes_back(till, order_no)
        self.what_the_day_came_to(till)
        self.who_leaves_takes_the_order_along(till, f"{order_no}-left")

    def amounts_that_may_be_either(self, till, table):
        till.enter("1,234")
        till.scan(self.code(table))
        till.see(".toast.bad", till.word("amount_ambiguous", text="1,234", larger="1234.00"))
        till.shot("till-ambiguous")

    def a_code_that_is_typed(self, till, table):
        """By a finger alone: a screen's keyboard may have no Enter."""
        till.next_order()
        till.driver.execute_script("for (const css of ['.till-amount', '.till-code']) document.querySelector(css).value = ''")
        till.press("[data-key=collect-typed]")
        till.see(".toast.bad", till.word("code_first"))
        till.write(".till-code", "123")
        till.press("[data-key=collect-typed]")
        till.see(".toast.bad", till.word("code_length", count=3))
        till.see(".till-code").clear()
        till.keys(self.code(table))
        till.see(".toast.bad", till.word("amount_first"))
        till.write(".till-amount", "7.00")
        till.press("[data-key=collect-typed]")
        till.result("settled", "7.00")
        till.next_order()
        self.add(1, 7_00)

    def bills_that_are_not_clear(self, till):
        till.press(".wide-key")
        till.write("dialog textarea", "Duck,1,234.00\nTea,2,8.00\nRice,x,3.00\nPlum,dear\nSoup\n,4.00")
        till.press("dialog button[type=submit]")
        for number, why in ((1, till.word("line_either", count=1, price="234.00", whole='"1,234.00"')), (3, till.word("line_quantity", text="x")),
                            (4, till.word("line_amount", text="dear"))):
            till.see(".form-error", till.word("import_line", number=number, why=why))
        till.see(".form-error", till.word("import_more", count=2))
        till.shot("till-import-wrong")
        till.keys(Keys.ESCAPE)
        till.gone("dialog")
        self.assertFalse(till.look(".bill-lines .row"), "nothing is taken over")

    def a_bill_with_more_than_dishes(self, till, table):
        """Service, tax, tip and discount stand beside the dishes, and the table pays for all of it."""
        till.next_order()
        till.press(".wide-key")
        till.write("dialog textarea", "Duck,64.00\nTea,2,8.00")
        for kind, text in (("service", "10%"), ("tax", "6.50"), ("tip", "x"), ("discount", "5%")):
            till.write(f"dialog [data-testid=bill-{kind}]", text)
        till.press("dialog button[type=submit]")
        till.see(".form-error", till.word("bill_tip"))
        till.write("dialog [data-testid=bill-tip]", "2")
        # 80.00 of dishes, 8.00 of service, 6.50 of tax, 2.00 of tip, and 4.00 off.
        till.see("dialog [data-testid=bill-total]", "92.50")
        till.shot("till-bill-extras", dark=True)
        till.press("dialog button[type=submit]")
        till.gone("dialog")
        till.see(".bill-lines .row", till.word("bill_discount"))
        till.shot("till-bill-lines", dark=True)
        self.another_language_loses_nothing(till)
        till.scan(self.code(table))
        till.result("settled", "92.50")
        self.add(1, 92_50)

    def another_language_loses_nothing(self, till):
        """Its switch loads the page anew; amount, number and lines are there again, the lines with their words."""
        spoken = till.driver.execute_script("return document.documentElement.lang.slice(0, 2)")
        till.write(".collect-entry .field input", f"{spoken}-typed")
        till.write("[data-testid=sought]", "looked for")
        for language in ("zh" if spoken == "en" else "en", spoken):
            till.speak(language)
            till.see(".bill-lines .row", till.word("bill_discount"))
            entered = till.driver.execute_script(
                "return ['.till-amount', '.collect-entry .field input', '[data-testid=sought]'].map((css) => document.querySelector(css).value)")
            self.assertEqual(entered, ["92.50", f"{spoken}-typed", "looked for"])
            amounts = till.driver.execute_script("return [...document.querySelectorAll('.bill-lines .amount')].map((one) => one.textContent)")
            self.assertEqual([cents(text) for text in amounts], [64_00, 16_00, 8_00, 6_50, 2_00, -4_00])

    def one_number_for_two_tables(self, till, order_no, first, second):
        """Both are typed; the second table has paid nothing, and the till says so. A scan types into the number's field."""
        self.order(till, "25,00", order_no)
        till.scan(self.code(first))
        till.result("settled", "25.00")
        self.order(till, "25,00", order_no)
        code = self.code(second)
        till.scan(code)
        name = self.cast["diners"][0]["name"]
        till.see(".result.earlier .result-text", name)
        till.see(".result.earlier", till.word("paid_before_note"))
        self.assertFalse(till.look(".result.settled"))
        till.shot("till-earlier", dark=True)
        till.press("[data-key=next]", till.word("order_no_fresh"))
        till.scan(code)
        till.result("settled", "25.00")
        self.add(2, 50_00)

    def an_order_of_long_ago(self, till, order_no, table):
        """It is not among those that are shown: by its number it is there at once, and by looking further back."""
        diner, _ = table
        for number in range(self.BEFORE):
            self.house.ask("POST", f"/v1/merchants/{self.shop['merchant']}/orders", self.shop["token"],
                           code=self.code(table), order_no=f"{order_no}-{number}", total=1_00)
        self.add(self.BEFORE, self.BEFORE * 1_00)
        till.see(".pane-orders .row strong", f"{order_no}-{self.BEFORE - 1}")
        self.assertFalse(self.listed(till, order_no))
        till.write("[data-testid=sought]", f"{order_no}-none")
        till.press("[data-key=find]")
        till.see(".toast.bad", till.word("error_unknown_order"))
        till.write("[data-testid=sought]", order_no)
        till.keys(Keys.ENTER)
        till.see("dialog .huge", "25.00")
        till.press("dialog button", till.word("refund"))
        till.write("dialog input[inputmode=decimal]", "5,5")
        till.press("dialog button[type=submit]")
        till.see(".toast.good", "5.50")
        till.gone("dialog")
        type(self).gave += 5_50
        while not self.listed(till, order_no):
            till.press("[data-key=older-orders]")
        till.shot("till-orders-older", dark=True)

    def a_till_that_comes_back(self, till, order_no):
        """A tab that is opened again says how its order ended, and when: nobody else may have been told."""
        for kind, end in (("settled", self.says_yes), ("declined", self.cancel)):
            for days in (0, 1):
                number = f"{order_no}-{kind}-{days}"
                table = self.is_asked(till, number)
                till.driver.get(f"{self.house.url}/docs")
                end(table, number)
                with self.later(till, days):
                    till.driver.get(f"{self.house.url}/till")
                    till.result(kind, number)
                    day = r"\S.*\d.* " if days else ""
                    self.assertRegex(till.text(".result"), rf"{number} · {day}\d\d:\d\d")
                    till.shot(f"till-back-{kind}-{days}")
        self.add(2, 18_00)

    def who_leaves_takes_the_order_along(self, till, order_no):
        self.is_asked(till, order_no)
        till.sign_out()
        kept = till.driver.execute_script("return Object.keys(sessionStorage)")
        self.assertEqual([name for name in kept if "order" in name], [])
        self.cancel(None, order_no)

    @contextmanager
    def later(self, till, days):
        """What happened here is that many days old to the pages that are opened meanwhile."""
        told = till.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": f"""
            const parse = JSON.parse;
            JSON.parse = (text, how) => {{
              const said = parse(text, how);
              for (const {{ event }} of said?.result?.events ?? []) event.time = new Date(Date.parse(event.time) - {days} * 86_400_000).toISOString();
              return said;
            }};"""})
        try:
            yield
        finally:
            till.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", told)

    def what_the_day_came_to(self, till):
        """What was taken and given back is what was done here, order by order, and stands there without being asked
        for. A day is one of where the till stands: these two zones never have the same date."""
        self.days_are_told(till, self.dates(0))
        for zone, hours in (("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)):
            till.stand_in(zone)
            till.driver.refresh()
            till.see(".keypad")
            self.days_are_told(till, self.dates(hours))
            till.shot(f"till-days-{hours}")

    def days_are_told(self, till, dates):
        till.see(".days thead", till.word("column_day"))
        def act():
            rows = till.driver.execute_script(
                "return [...document.querySelectorAll('.days tbody tr')].map((row) => [row.dataset.date, ...[...row.cells].slice(1, 3).map((cell) => [cell.firstChild.data, cell.lastChild.textContent])])")
            taken, given = (sum(cents(row[column][0]) for row in rows) for column in (1, 2))
            count = sum(cents(row[1][1]) for row in rows)
            return ([row[0] for row in rows], taken, given, count) == (dates, self.took, self.gave, self.paid)
        till.until(f"report of {dates}, {self.took} taken in {self.paid} orders and {self.gave} given back", act)

    def dates(self, hours):
        """Of what was done here, newest first, where clocks are that far ahead of UTC."""
        there, found, page = timezone(timedelta(hours=hours)), set(), ""
        while page is not None:
            events = self.house.ask("GET", f"/v1/merchants/{self.shop['merchant']}/events?limit=100{page}", self.shop["token"])
            found |= {datetime.fromisoformat(one["event"]["time"]).astimezone(there).date().isoformat()
                      for one in events["events"] if one["event"]["data"]["type"] in ("settled", "refunded", "declined")}
            page = f"&from={events['next']}" if events.get("next") else None
        return sorted(found, reverse=True)

    # --- what is there -----------------------------------------------------------------------

    @property
    def shop(self):
        return self.cast["merchant"]

    def add(self, paid, minor):
        type(self).paid += paid
        type(self).took += minor

    def a_table(self, diner, **consent):
        group = self.house.ask("POST", "/v1/groups", diner["token"], name="Table", host=diner["wallet"], cap=300_00, **consent)["group"]
        return diner, group

    def is_asked(self, till, order_no):
        """A table whose diner must say yes to this order first."""
        table = self.a_table(self.cast["diners"][2], confirm_above=1_00)
        self.order(till, "9.00", order_no)
        till.scan(self.code(table))
        till.see(".result.asking", order_no)
        return table

    def says_yes(self, table, order_no):
        diner, group = table
        [question] = self.house.ask("GET", f"/v1/groups/{group}", diner["token"])["questions"]
        self.assertEqual(question["order_no"], order_no)
        self.house.ask("POST", f"/v1/groups/{group}/answers/yes", diner["token"], **question)

    def cancel(self, _, order_no):
        self.house.ask("DELETE", f"/v1/merchants/{self.shop['merchant']}/orders/{order_no}", self.shop["token"])

    def code(self, table):
        diner, group = table
        return self.house.ask("POST", f"/v1/groups/{group}/codes", diner["token"], by=diner["wallet"])["code"]

    def order(self, till, amount, order_no):
        till.enter(amount)
        till.write(".collect-entry .field input", order_no)

    def listed(self, till, order_no):
        return till.driver.execute_script(
            "return [...document.querySelectorAll('.pane-orders .row strong')].some((one) => one.textContent === arguments[0])", order_no)


class Shops(Quiet):
    """A person who works for more than one shop: another owner has taken on whoever only gave a number."""

    @classmethod
    def setUpClass(cls):
        cls.house = House()
        cls.addClassCleanup(cls.house.close)
        cls.windows = together(lambda: Till("neighbour"), lambda: Till("owner"))
        for window in cls.windows:
            cls.addClassCleanup(window.close)
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection"]

    def test_1_in_english(self):
        self.shops("en")

    def test_2_in_chinese(self):
        neighbour, owner = self.windows
        together(neighbour.sign_out, owner.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.shops("zh")

    def shops(self, language):
        neighbour, owner = self.windows
        mine, theirs = SHOP[language], NEXT_DOOR[language]
        # The shop next door is the older one: it is first in the list.
        self.opens(neighbour, language, PEOPLE[language][1], theirs)
        self.opens(owner, language, PEOPLE[language][2], mine)
        person, works = self.works(owner)
        self.assertEqual(len(works), 1)
        self.takes_on(neighbour, person, "cashier")
        self.makes_an_owner(neighbour, person, PEOPLE[language][2])

        # Where the till was open before, it stays with its shop; a device that does not know asks.
        owner.driver.refresh()
        owner.see(".top-name", mine)
        owner.sign_out()
        owner.driver.execute_script("localStorage.clear()")
        owner.driver.refresh()
        owner.speak(language)
        owner.press("button", owner.word("sign_in"))
        self.asks(owner, (theirs, "owner"), (mine, "owner"))
        owner.resize(PHONE, mobile=True)
        owner.shot("till-shops-360", dark=True)
        owner.press("[data-testid=shops] button.row", mine)
        owner.see(".keypad")
        owner.shot("till-of-a-shop-360")
        owner.resize((1280, 900))
        for _ in range(2):
            owner.see(".top-name", mine)
            owner.driver.refresh()
            owner.see(".keypad")
        # What is typed waits until the till is there again.
        owner.enter("12.34")
        owner.press("[data-key=shops]")
        owner.press("[data-testid=shops] button.row", mine)
        owner.see(".keypad")
        self.assertEqual(owner.driver.execute_script("return document.querySelector('.till-amount').value"), "12.34")
        owner.press("[data-key=shops]")
        owner.press("[data-testid=shops] button.row", theirs)
        owner.see(".top-name", theirs)
        owner.driver.refresh()
        owner.see(".top-name", theirs)
        self.opens_one_more(owner)
        self.leaves(owner, theirs, mine)

    def opens(self, till, language, who, shop):
        till.driver.get(f"{self.house.url}/till")
        till.speak(language)
        till.sign_up(who)
        till.open_shop(shop)
        till.see(".top-name", shop)

    def works(self, till):
        token = till.driver.execute_script("return localStorage.getItem('fanju.till')")
        me = self.house.ask("GET", "/v1/me", token)
        return me["person"]["id"], me["merchants"]

    def takes_on(self, till, person, role):
        till.press("[data-key=add-staff]")
        till.write("dialog input.mono", person)
        till.driver.execute_script("document.querySelector('dialog select').value = arguments[0]", role)
        till.press("dialog button[type=submit]")
        till.gone("dialog")
        till.see(".pane-shop .row", till.word(f"role_{role}"))

    def makes_an_owner(self, till, person, name):
        """After a restart no look at the passkey is fresh: the page has it shown, and goes on."""
        self.house.kill()
        till.see(".banner")
        self.house.start()
        till.gone(".banner")
        self.takes_on(till, person, "owner")
        till.see(".pane-shop .row", name)
        self.assertEqual(till.count(".toast.bad"), 0)

    def asks(self, till, *shops):
        for shop, role in shops:
            till.see("[data-testid=shops] .row", f"{shop}{till.word(f'role_{role}')}")
        self.assertEqual(till.count("[data-testid=shops] button.row"), len(shops))
        self.assertFalse(till.look(".keypad"))

    def opens_one_more(self, till):
        till.press("[data-key=shops]")
        till.press("[data-key=own-shop]")
        till.press("[data-key=shops]", till.word("back"))
        till.press("[data-key=own-shop]")
        till.open_shop(f"{till.word('merchant_name')} 3")
        till.driver.refresh()
        till.see(".top-name", " 3")
        self.assertEqual(len(self.works(till)[1]), 3)

    def leaves(self, till, theirs, mine):
        """Whoever leaves the shop that the till was of is asked anew; the last owner stays."""
        till.press("[data-key=shops]")
        till.press("[data-testid=shops] button.row", theirs)
        till.see(".top-name", theirs)
        till.press("[data-key=shops]")
        till.press(f"button[aria-label='{till.word('shop_leave_this', shop=mine)}']")
        till.shot("till-shop-leave")
        till.press("[data-key=sure]")
        till.see("dialog .toast.bad", till.word("error_last_owner"))
        till.keys(Keys.ESCAPE)
        till.gone("dialog")
        till.press(f"button[aria-label='{till.word('shop_leave_this', shop=theirs)}']")
        till.press("[data-key=sure]")
        till.gone("dialog")
        till.gone("[data-testid=shops] .row", theirs)
        self.asks(till, (mine, "owner"), (" 3", "owner"))
        till.press("[data-testid=shops] button.row", mine)
        till.see(".top-name", mine)
        self.assertEqual(len(self.works(till)[1]), 2)


class Demonstration(AtTheDemo):
    """`--demo`: eight phones and a till on one page, and one button that plays it all."""

    def test_1_the_whole_dinner_in_english(self):
        self.dinner("en")

    def test_2_the_whole_dinner_in_chinese(self):
        self.dinner("zh")

    def dinner(self, language):
        [demo] = self.windows
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak(language)
        demo.ready()
        demo.shot("demo-begin")
        demo.resize((1280, 720))
        demo.press("[data-testid=step-scan]")
        with demo.inside(".phones .phone:nth-child(5) iframe"):
            demo.see(".question [data-testid=owed]", "32.00")
        self.who_is_asked_can_be_read(demo)
        demo.shot("demo-asking")
        demo.resize((1440, 900))
        demo.see("[data-testid=play]", demo.word("demo_rest"))
        demo.play()
        demo.everybody_paid("32.00", "256.00")
        demo.shot("demo", dark=True)
        demo.resize((1280, 720))
        demo.shot("demo-720")
        self.steps_have_room(demo)
        with demo.inside(".till-frame"):
            self.assertTrue(demo.driver.execute_script(
                "return document.querySelector('.result.settled').getBoundingClientRect().bottom <= innerHeight"), "all of the till's answer is in sight")
        demo.resize(PHONE, mobile=True)
        demo.shot("demo-360")
        demo.until("last step in sight", lambda: demo.driver.execute_script(
            "const { left, right } = document.querySelector('.step:last-child').getBoundingClientRect(); return left >= 0 && right <= innerWidth"))
        demo.resize((1440, 900))
        # The page is loaded anew for each language: the tables of the dinners before are closed.
        host = self.house.ask("GET", "/demo/cast")["diners"][0]
        groups = self.house.ask("GET", f"/v1/wallets/{host['wallet']}/groups", host["token"])["groups"]
        self.assertEqual(len([one for one in groups if one["status"] != "closed"]), 1, groups)

    def test_3_the_page_is_loaded_anew_in_the_middle(self):
        """It says why money is set aside, and goes on with the bill: by one's yes, or by the till's no."""
        [demo] = self.windows
        for way in ("yes", "no"):
            order_no = self.until_one_is_asked(demo)
            demo.driver.refresh()
            demo.ready()
            demo.in_all_phones(".middle-amount", "256.00")
            with demo.inside(".phones .phone:nth-child(5) iframe"):
                for said in ("32.00", "256.00", self.house.ask("GET", "/demo/cast")["merchant"]["name"]):
                    demo.see(".question", said)
            demo.shot("demo-asking-anew")
            with demo.inside(".phones .phone:nth-child(2) iframe"):
                self.back(demo)
                for said in ("32.00", order_no):
                    demo.see("[data-testid=aside]", said)
            with demo.inside(".till-frame"):
                demo.see(".result.asking", order_no)
            if way == "yes":
                demo.play()
                demo.everybody_paid("32.00", "256.00")
            else:
                with demo.inside(".till-frame"):
                    demo.press("[data-key=cancel]")
                    demo.see(".result.declined", order_no)
                demo.in_all_phones(".sheet.declined", order_no)

    def test_4_an_older_bill_takes_no_receipt_away(self):
        """Another page, whose till knows nothing of the first one's bill, is paid before that one ends."""
        [demo] = self.windows
        order_no = self.until_one_is_asked(demo)
        first = demo.driver.current_window_handle
        demo.driver.switch_to.new_window("tab")
        self.assertNotEqual(self.until_one_is_asked(demo, anew=True), order_no)
        # Whoever is asked at both tables keeps the first question, too.
        with demo.inside(".phones .phone:nth-child(5) iframe"):
            demo.see(".question", order_no)
        demo.press("[data-testid=step-settled]")
        demo.everybody_paid("32.00", "256.00")
        shop = self.house.ask("GET", "/demo/cast")["merchant"]
        self.house.ask("DELETE", f"/v1/merchants/{shop['merchant']}/orders/{order_no}", shop["token"])
        demo.in_all_phones(".toast.unpaid", order_no)
        demo.everybody_paid("32.00", "256.00")
        demo.driver.close()
        demo.driver.switch_to.window(first)

    def test_5_an_invitation_covers_no_table(self):
        """Whoever sits at a table finds the invitation to another one in the list of tables."""
        [demo] = self.windows
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak("en")
        demo.ready()
        demo.open_a_table()
        demo.see(".step.next [data-testid=step-seat]")
        guest, *_, host = self.house.ask("GET", "/demo/cast")["diners"]
        with demo.inside(".phones .phone:first-child iframe"):
            demo.see(".ring")
            group = self.house.ask("POST", "/v1/groups", host["token"], name="Next door", host=host["wallet"], cap=300_00)["group"]
            self.house.ask("POST", f"/v1/groups/{group}/invitations", host["token"], by=host["wallet"], wallet=guest["wallet"])
            self.back(demo)
            demo.see(".list .row", "Next door")
            demo.see(".list .row .waiting", demo.word("group_invited"))
            self.assertEqual(demo.count(".toast"), 0, "nothing lies over the page")

    def test_6_the_page_is_loaded_anew_at_the_table(self):
        """Whoever sits there sits there still, and the dinner goes on without another table."""
        [demo] = self.windows
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak("en")
        demo.ready()
        demo.open_a_table()
        tables = self.tables_of_the_host()
        demo.driver.refresh()
        demo.ready()
        demo.see("[data-testid=step-seat]", demo.word("step_seat_hint", seated=1, of=8))
        demo.press("[data-testid=step-seat]")
        everybody = demo.word("step_seat_hint", seated=8, of=8)
        demo.see("[data-testid=step-seat]", everybody)
        demo.driver.refresh()
        demo.ready()
        demo.see("[data-testid=step-seat]", everybody)
        demo.see(".step.next [data-testid=step-code]")
        demo.in_all_phones(".middle-count", "8")
        demo.shot("demo-anew")
        demo.play()
        demo.everybody_paid("32.00", "256.00")
        self.assertEqual(self.tables_of_the_host(), tables)

    def tables_of_the_host(self):
        host = self.house.ask("GET", "/demo/cast")["diners"][0]
        groups = self.house.ask("GET", f"/v1/wallets/{host['wallet']}/groups", host["token"])["groups"]
        return {one["group"] for one in groups}

    def back(self, demo):
        back = f"button[aria-label='{demo.word('back')}']"
        demo.see(back)
        # The driver misses what lies in a frame that is shown smaller; the news may draw the page anew.
        demo.driver.execute_script("document.querySelector(arguments[0]).click()", back)

    def who_is_asked_can_be_read(self, demo):
        """A small laptop shows fewer phones at once, as large as their words need, and whoever is asked among them."""
        wide, above, below = demo.driver.execute_script("""
            const [room, its] = ['.phones', '.phone:nth-child(5) .phone-glass'].map((css) => document.querySelector(css).getBoundingClientRect());
            return [its.width, its.top - room.top, room.bottom - its.bottom];""")
        self.assertGreater(wide, 360 / 2)
        self.assertGreaterEqual(min(above, below), 0, "it is in sight")

    def steps_have_room(self, demo):
        """A small laptop has room for the steps' words in two lines, if for nothing beside them."""
        lines = demo.driver.execute_script("""
            return [...document.querySelectorAll('.step-word strong')].map((word) => {
              const range = document.createRange();
              range.selectNodeContents(word);
              return new Set([...range.getClientRects()].map(({ top }) => top)).size;
            });""")
        self.assertEqual(len(lines), 5)
        self.assertLessEqual(max(lines), 2, "lines of each step")
        self.assertFalse(demo.look(".step small"))


if __name__ == "__main__":
    begin()
