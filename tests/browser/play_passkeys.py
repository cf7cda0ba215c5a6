"""Passkeys and recovery codes."""

from selenium.webdriver.common.keys import Keys

from house import House
from phone import Phone
from plays import PEOPLE, Quiet

TABLET = {"en": "Tablet", "zh": "平板"}


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
