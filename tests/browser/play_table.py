"""What friends do at a table beside paying: come by a code, lock it, leave, close it, and say who pays how much."""

import time

from phone import Phone
from plays import PEOPLE, SHOP, Quiet, together
from till import Till

# A code is shown for a minute.
RENEWED_WITHIN = 75


class Table(Quiet):
    """Two phones, a till, and whoever else asks over HTTP."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Phone("ana"), lambda: Phone("bo"), lambda: Till("till"))

    def test_1_in_english(self):
        self.at_the_table("en")

    def test_2_in_chinese(self):
        together(*(window.sign_out for window in self.windows))
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.at_the_table("zh")

    def test_3_a_code_is_renewed_before_it_is_over(self):
        """The seconds count down, and the next code pays; the one before it has left the screen."""
        ana, bo, till = self.windows
        ana.home()
        ana.open_table()
        first, since = ana.show_code(), time.monotonic()
        counted = [self.seconds(ana)]
        while ana.text("[data-testid=code]").replace(" ", "") == first:
            self.assertLess(time.monotonic() - since, RENEWED_WITHIN, "the code is renewed")
            left = self.seconds(ana)
            if left != counted[-1]:
                counted.append(left)
            time.sleep(0.2)
        self.assertGreater(len(counted), 30, counted)
        down = [one - other for one, other in zip(counted, counted[1:])]
        self.assertTrue(all(0 < step <= 5 for step in down[:-1]), counted)
        ana.until("seconds of the next code", lambda: self.seconds(ana) > 40)
        ana.until("pictures of the next code", lambda: ana.driver.execute_script(
            "return [...document.querySelectorAll('.code-card img')].every((one) => one.complete && one.naturalWidth > 0)"))
        asked = ana.driver.execute_script("return performance.getEntriesByType('resource').map(({ name }) => name)")
        self.assertEqual([address for address in asked if first in address], [], "a code stands in no address")
        till.enter("8.00")
        till.scan(ana.text("[data-testid=code]").replace(" ", ""))
        together(lambda: ana.pays("8.00"), lambda: till.result("settled", "8.00"))
        ana.close_sheet()

    def seconds(self, phone):
        return int("".join(digit for digit in phone.text(".clock-left") if digit.isdigit()))

    def at_the_table(self, language):
        ana, bo, till = self.windows
        for window, page in ((ana, ""), (bo, ""), (till, "/till")):
            window.driver.get(f"{self.house.url}{page}")
            window.speak(language)
        def a_shop():
            till.sign_up(PEOPLE[language][2])
            till.open_shop(SHOP[language])
        together(lambda: self.somebody(ana, PEOPLE[language][0]), lambda: self.somebody(bo, PEOPLE[language][1]), a_shop)
        ana.open_table()
        self.comes_by_the_code(ana, bo, language)
        self.parts_are_set(ana, bo, till)
        self.nobody_comes_or_goes(ana, bo)
        self.leaves(ana, bo, language)
        self.closes(ana, bo)

    def somebody(self, phone, name):
        phone.sign_up(name)
        phone.top_up("500")
        phone.has("500.00")

    def comes_by_the_code(self, ana, bo, language):
        code = ana.show_code()
        bo.press("button", bo.word("join_by_code"))
        mistyped = f"{code[:-1]}{(int(code[-1]) + 1) % 10}"
        for digits, wrong in ((code[:-1], "code_length"), (mistyped, "code_mistyped")):
            bo.write("dialog input.mono", digits)
            bo.press("dialog button[type=submit]")
            bo.see(".form-error", bo.word(wrong, count=len(digits)))
        bo.shot("phone-join-by-code")
        bo.write("dialog input.mono", code)
        bo.press("dialog button[type=submit]")
        bo.see(".ring")
        bo.see("[data-key=pay]")
        ana.close_sheet()
        ana.see(".list .row", PEOPLE[language][1])

    # --- who pays how much -------------------------------------------------------------------

    def parts_are_set(self, ana, bo, till):
        """By weights, by percent, by exact amounts: each diner pays what was set, and the guest sees it before."""
        self.parts(ana, "weights", "2", "1")
        self.told(bo, "weights", "2", "1")
        self.pay(ana, bo, till, "30.00", "20.00", "10.00")
        # Three quarters and a quarter; what is not the whole says so, and is not taken.
        self.opens_the_rules(ana, "percent")
        self.types(ana, "75", "20")
        ana.see("dialog .sum.bad", ana.word("percent_off", sum="95.00", off="5.00"))
        ana.press("dialog button[type=submit]")
        ana.see(".form-error", ana.word("reason_percent_off"))
        ana.shot("phone-percent-off", dark=True)
        self.types(ana, "75", "25")
        ana.see("dialog .sum.good")
        self.saved(ana)
        self.told(bo, "percent", "75.00 %", "25.00 %")
        self.pay(ana, bo, till, "40.00", "30.00", "10.00")
        self.opens_the_rules(ana, "exact")
        self.types(ana, "12.50", "x")
        ana.press("dialog button[type=submit]")
        ana.see(".form-error", ana.word("amount_needed"))
        self.types(ana, "12.50", "7.50")
        ana.see("dialog .sum", "20.00")
        ana.shot("phone-exact")
        self.saved(ana)
        self.told(bo, "exact", "12.50", "7.50")
        self.pay(ana, bo, till, "20.00", "12.50", "7.50")
        # Of another bill nobody pays.
        till.enter("21.00")
        till.scan(ana.show_code())
        till.see(".result", till.word("reason_shares_off"))
        for phone in (ana, bo):
            if phone.look("dialog"):
                phone.close_sheet()

    def parts(self, ana, mode, *typed):
        self.opens_the_rules(ana, mode)
        self.types(ana, *typed)
        self.saved(ana)

    def opens_the_rules(self, ana, mode):
        ana.press("[data-key=tool-rules]")
        ana.see("dialog select")
        ana.driver.execute_script("""
            const [select] = document.querySelectorAll('dialog select');
            select.value = arguments[0];
            select.dispatchEvent(new Event('change', { bubbles: true }));""", mode)
        ana.see("#part1")

    def types(self, ana, *typed):
        for number, text in enumerate(typed):
            ana.write(f"#part{number}", text)

    def saved(self, ana):
        ana.press("dialog button[type=submit]")
        ana.gone("dialog")

    def told(self, bo, mode, *parts):
        """Whoever is no host reads the parts, and can change none."""
        bo.see(".rule-line", bo.word(f"split_{mode}_line"))
        bo.press("[data-key=tool-rules]")
        for part in parts:
            bo.see("dialog .amount", part)
        self.assertFalse(bo.look("dialog input"))
        bo.see("dialog", bo.word("rules_host_only"))
        bo.close_sheet()

    def pay(self, ana, bo, till, total, *shares):
        till.enter(total)
        till.scan(ana.show_code())
        together(lambda: ana.pays(shares[0]), lambda: bo.pays(shares[1]), lambda: till.result("settled", total))
        for phone in (ana, bo):
            phone.close_sheet()

    # --- who sits there ----------------------------------------------------------------------

    def nobody_comes_or_goes(self, ana, bo):
        bo.see("[data-key=tool-leave]")
        ana.press("[data-key=tool-lock]")
        for phone in (ana, bo):
            phone.see(".chip.locked", phone.word("group_locked"))
        bo.gone("[data-key=tool-leave]")
        ana.gone("[data-key=tool-people]")
        ana.shot("phone-table-locked", dark=True)
        ana.press("[data-key=tool-lock]", ana.word("unlock"))
        bo.see(".chip.open", bo.word("group_open"))
        ana.see("[data-key=tool-people]")

    def leaves(self, ana, bo, language):
        name = PEOPLE[language][1]
        ana.see(".list .row strong", name)
        bo.press("[data-key=tool-leave]")
        bo.shot("phone-leave")
        bo.press("dialog .danger")
        bo.see("[data-testid=available]")
        bo.gone("dialog")
        bo.see(".list", bo.word("no_tables"))
        ana.until("table without who left", lambda: not ana.driver.execute_script(
            "return [...document.querySelectorAll('.list .row.still strong')].some((one) => one.textContent === arguments[0])", name))

    def closes(self, ana, bo):
        """Whoever came back by the link finds it closed, and nobody is shown a way to pay."""
        link = ana.invitation()
        bo.driver.get(link)
        bo.join()
        ana.press("[data-key=tool-close]")
        ana.shot("phone-close-table")
        ana.press("dialog .danger")
        ana.gone("dialog")
        for phone in (ana, bo):
            phone.see(".chip.closed", phone.word("group_closed"))
            phone.gone("[data-key=pay]")
        bo.shot("phone-table-closed", dark=True)
        bo.home()
        bo.see(".list .row .chip.closed", bo.word("group_closed"))
