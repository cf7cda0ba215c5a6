"""What an owner does with a shop beside selling: money to the bank, keys that are over, people who leave."""

from phone import Phone
from plays import PEOPLE, SHOP, Quiet, cents, together
from till import Till


class Shop(Quiet):
    """An owner's till, a till of its own with a key, and a cashier's."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Till("owner"), lambda: Till("bar"), lambda: Till("cashier"), lambda: Phone("ana"))

    def test_1_in_english(self):
        self.shop("en")

    def test_2_in_chinese(self):
        owner, bar, cashier, ana = self.windows
        together(owner.sign_out, cashier.sign_out, ana.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.shop("zh")

    def shop(self, language):
        owner, bar, cashier, ana = self.windows
        for window in (owner, bar, cashier):
            window.driver.get(f"{self.house.url}/till")
            window.speak(language)
        ana.driver.get(self.house.url)
        ana.speak(language)
        owner.sign_up(PEOPLE[language][2])
        owner.open_shop(SHOP[language])
        self.a_table(ana, language)
        key = self.a_key_with_what_a_till_needs(owner)
        self.opens_by(bar, key)
        bar.see(".keypad")
        bar.enter("60.00")
        bar.scan(ana.show_code())
        together(lambda: ana.pays("60.00"), lambda: bar.result("settled", "60.00"))
        ana.close_sheet()
        self.money_goes_to_the_bank(owner)
        self.a_key_is_over(owner, bar, key)
        self.a_key_that_sees_nothing(owner, bar)
        self.a_cashier_leaves(owner, cashier, language)

    def a_table(self, ana, language):
        ana.sign_up(PEOPLE[language][0])
        ana.top_up("100")
        ana.has("100.00")
        ana.open_table()

    def a_key_with_what_a_till_needs(self, owner):
        """What a till cannot do without cannot be taken from its key."""
        owner.press("[data-key=add-keys]")
        read = owner.see("dialog input[value=read]")
        self.assertEqual([read.is_selected(), read.is_enabled()], [True, False])
        owner.see("dialog .check", owner.word("scope_needed"))
        owner.write("dialog input[maxlength]", "Bar")
        owner.shot("till-key-needs", dark=True)
        owner.press("dialog button[type=submit]")
        key = owner.text("[data-testid=secret]")
        owner.press("dialog button", owner.word("secret_kept"))
        owner.gone("dialog")
        [made] = self.keys(owner)
        self.assertEqual(sorted(made["scopes"]), ["collect", "read"])
        return key

    def opens_by(self, till, key):
        till.write(".welcome input.mono", key)
        till.press(".welcome button", till.word("till_enter"))

    def money_goes_to_the_bank(self, owner):
        owner.see(".balance", "60.00")
        owner.press("[data-key=payout]")
        owner.write("dialog .input.big", "61")
        owner.press("dialog button[type=submit]")
        owner.see(".form-error", owner.word("reason_insufficient_funds"))
        owner.write("dialog .input.big", "45.50")
        owner.shot("till-pay-out")
        owner.press("dialog button[type=submit]")
        owner.gone("dialog")
        owner.see(".toast.good", "45.50")
        owner.see(".balance", "14.50")
        merchant, token = self.its(owner)
        owner.until("money that has left", lambda: self.house.ask("GET", f"/v1/merchants/{merchant}", token)["posted"] == 14_50)
        self.assertEqual(cents(owner.text(".balance")), 14_50)

    def a_key_is_over(self, owner, bar, key):
        """The till that works with it is shut at once, and it opens none any more."""
        owner.press(".pane-shop .row .danger", owner.word("shop_revoke"))
        owner.shot("till-key-revoke")
        owner.press("dialog .danger", owner.word("shop_revoke"))
        owner.gone("dialog")
        owner.see(".pane-shop", owner.word("shop_keys_none"))
        bar.see(".banner", bar.word("signed_out"))
        bar.shot("till-key-revoked")
        bar.driver.refresh()
        bar.see(".welcome input.mono")
        self.opens_by(bar, key)
        bar.see(".toast.bad", bar.word("till_key_wrong"))

    def a_key_that_sees_nothing(self, owner, bar):
        """Made elsewhere than on the page: the till says what is wrong with it, forgets it, and takes another one."""
        merchant, token = self.its(owner)
        blind = self.house.ask("POST", f"/v1/merchants/{merchant}/keys", token, key=f"blind-{merchant}", label="Blind", scopes=["collect"])["secret"]
        bar.driver.refresh()
        self.opens_by(bar, blind)
        bar.see(".toast.bad", bar.word("till_key_blind"))
        bar.see(".welcome input.mono")
        bar.shot("till-key-blind", dark=True)
        self.assertIsNone(bar.driver.execute_script("return localStorage.getItem('fanju.till')"))
        bar.driver.refresh()
        bar.see(".welcome input.mono")
        sees = self.house.ask("POST", f"/v1/merchants/{merchant}/keys", token, key=f"sees-{merchant}", label="Sees", scopes=["collect", "read"])["secret"]
        self.opens_by(bar, sees)
        bar.see(".keypad")
        bar.sign_out()

    def a_cashier_leaves(self, owner, cashier, language):
        cashier.sign_up(PEOPLE[language][1])
        person, _ = self.me(cashier)
        owner.press("[data-key=add-staff]")
        owner.write("dialog input.mono", person)
        owner.press("dialog button[type=submit]")
        owner.gone("dialog")
        owner.see(".pane-shop .row", PEOPLE[language][1])
        cashier.driver.refresh()
        cashier.see(".top-name", SHOP[language])
        self.assertFalse(cashier.look(".pane-shop"), "the shop is the owner's")
        cashier.press("[data-key=shops]")
        cashier.press(f"button[aria-label='{cashier.word('shop_leave_this', shop=SHOP[language])}']")
        cashier.press("[data-key=sure]")
        cashier.see(".welcome h1", cashier.word("merchant_new"))
        self.assertEqual(self.me(cashier)[1], [])
        owner.driver.refresh()
        owner.see(".pane-shop .row", owner.word("role_owner"))
        self.assertFalse(owner.look(".pane-shop .row", PEOPLE[language][1]), "nobody else works there")

    # --- what is there -----------------------------------------------------------------------

    def me(self, till):
        token = till.driver.execute_script("return localStorage.getItem('fanju.till')")
        me = self.house.ask("GET", "/v1/me", token)
        return me["person"]["id"], me["merchants"]

    def its(self, till):
        """The owner's shop, and a token that may do everything there."""
        return self.me(till)[1][0]["merchant"], till.driver.execute_script("return localStorage.getItem('fanju.till')")

    def keys(self, till):
        merchant, token = self.its(till)
        return self.house.ask("GET", f"/v1/merchants/{merchant}/keys", token)["keys"]
