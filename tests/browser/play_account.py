"""Who one is and what one does with a wallet: other devices, the name on a document, another currency, freezing."""

from phone import Phone
from plays import PEOPLE, Quiet, together

# Source: GB 11643-1999, an example of the standard. The sandbox's office gives it to whoever says so.
NUMBER = "11010519491231002X"
SLIP = "110105194912310021"


class Account(Quiet):
    """One person with two phones, and another person who sees what comes of it."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Phone("ana"), lambda: Phone("anas-other"), lambda: Phone("bo"))

    def test_1_in_english(self):
        self.account("en", "Ana", NUMBER, SLIP)

    def test_2_in_chinese(self):
        ana, other, bo = self.windows
        together(ana.sign_out, bo.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        # A document is one person's: this is another one.
        self.account("zh", "安娜", "440524198801010011", "440524198801010012")

    def account(self, language, name, number, slip):
        ana, other, bo = self.windows
        for window in self.windows:
            window.driver.get(self.house.url)
            window.speak(language)
        together(lambda: self.somebody(ana, name), lambda: self.somebody(bo, PEOPLE[language][1]))
        self.a_device_is_signed_out(ana, other)
        self.a_name_is_proved(ana, name, number, slip)
        self.a_wallet_is_frozen_and_thawed(ana, bo, name)
        self.another_currency(ana)

    def somebody(self, phone, name):
        phone.sign_up(name)
        phone.top_up("100")
        phone.has("100.00")

    def a_device_is_signed_out(self, ana, other):
        """The other phone has the same passkey, as phones of one person do; it is signed out at once, and stays so."""
        for credential in ana.driver.get_credentials():
            other.driver.add_credential(credential)
        other.sign_in()
        other.has("100.00")
        ana.account()
        ana.see(".list .row", ana.word("this_device"))
        ana.press(".list .row .danger", ana.word("revoke"))
        ana.see(".toast", ana.word("toast_revoked"))
        other.see(".banner", other.word("signed_out"))
        self.assertFalse(ana.look(".banner"))
        ana.shot("phone-device-revoked", dark=True)
        other.driver.refresh()
        other.see(".welcome")
        ana.gone(".list .row .danger", ana.word("revoke"))

    def a_name_is_proved(self, ana, name, number, slip):
        ana.press("button", ana.word("verify"))
        for typed, wrong in (((name, slip), "error_id_number_wrong"), ((f"{name}x", number), "error_name_not_verified")):
            self.document(ana, *typed)
            ana.see(".form-error", ana.word(wrong))
        ana.shot("phone-document-wrong")
        self.document(ana, name, number)
        ana.gone("dialog")
        ana.see(".chip", ana.word("verified"))
        ana.driver.refresh()
        ana.see(".chip", ana.word("verified"))
        ana.shot("phone-verified", dark=True)

    def document(self, phone, name, number):
        phone.write("dialog .field:nth-child(1) input", name)
        phone.write("dialog .field:nth-child(2) input", number)
        phone.press("dialog button[type=submit]")

    def a_wallet_is_frozen_and_thawed(self, ana, bo, name):
        """It pays nobody, and the other one's money comes all the same; thawed, it pays."""
        bo.account()
        number = bo.text(".panel code.mono.break")
        bo.home()
        ana.press("button", ana.word("freeze"))
        ana.shot("phone-freeze")
        ana.press("dialog .danger", ana.word("freeze"))
        ana.gone("dialog")
        ana.see("button", ana.word("thaw"))
        mine = ana.text(".panel code.mono.break")
        ana.home()
        ana.see(".chip", ana.word("wallet_frozen"))
        ana.shot("phone-frozen", dark=True)
        self.sends(ana, number, "30")
        ana.see(".form-error", ana.word("reason_frozen"))
        ana.close_sheet()
        self.sends(bo, mine, "10")
        ana.has("110.00")
        bo.has("90.00")
        ana.account()
        ana.press("button", ana.word("thaw"))
        ana.see("button", ana.word("freeze"))
        ana.home()
        self.assertFalse(ana.look(".card-wallet .chip"))
        self.sends(ana, number, "30")
        bo.see(".toast.good", bo.word("toast_received", amount="¥30.00", who=name))
        together(lambda: ana.has("80.00"), lambda: bo.has("120.00"))

    def sends(self, phone, number, amount):
        phone.press("[data-key=card-send]")
        phone.write("dialog .input.mono", number)
        phone.write("dialog .input.big", amount)
        phone.press("dialog button[type=submit]")

    def another_currency(self, ana):
        """A wallet in yen beside the first one: what is proposed has its size, and the page stays with the one that was chosen."""
        ana.account()
        ana.press("button", ana.word("wallet_more"))
        ana.driver.execute_script("document.querySelector('dialog select').value = 'JPY'")
        ana.press("dialog button[type=submit]")
        ana.gone("dialog")
        ana.see("button[aria-pressed=true]", "JPY")
        ana.see("button[aria-pressed=false]", "CNY")
        ana.home()
        ana.press("[data-key=card-up]")
        ana.press("dialog .quick button", "20000")
        ana.press("dialog button[type=submit]")
        ana.gone("dialog")
        ana.has("20,000")
        ana.press("button", ana.word("open_table"))
        self.assertEqual(ana.see("dialog .two .field:first-child input").get_attribute("value"), "20000")
        ana.shot("phone-open-table-yen")
        ana.close_sheet()
        ana.driver.refresh()
        ana.has("20,000")
        ana.account()
        ana.press(".quick button", "CNY")
        ana.home()
        ana.has("80.00")
