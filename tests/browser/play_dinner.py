"""Evenings: two phones and a till, from signing up to the receipt, the refund and the till's own key."""

import re

from selenium.webdriver.common.keys import Keys

from phone import Phone
from play_desk import AtTheDesk
from plays import PEOPLE, SHOP, together
from till import Till
from window import PHONE

DISHES = {"en": ("Beef noodles", "Plum drink", "Cucumber salad"), "zh": ("牛肉面", "酸梅汤", "拍黄瓜")}


class Dinner(AtTheDesk):
    """Two phones and a till, each a browser of its own with a passkey of its own; no demo."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Phone("ana"), lambda: Phone("bo"), lambda: Till("till"))

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
        together(lambda: ana.seats("reserved", "waiting"), lambda: bo.seats("reserved", "waiting"))
        bo.agree()
        together(lambda: ana.pays("15.00"), lambda: bo.pays("15.00"), lambda: till.result("settled", "30.00"))
        together(lambda: ana.seats("paid", "paid"), lambda: bo.seats("paid", "paid"))

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
        together(lambda: ana.seats("idle", "blamed"), lambda: bo.seats("idle", "blamed"))
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
