"""A till with a day behind it."""

from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from tempfile import NamedTemporaryFile

from selenium.webdriver.common.keys import Keys

from house import House
from plays import Quiet, cents
from till import Till


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
        self.a_bill_from_a_file(till)

    def a_bill_from_a_file(self, till):
        with NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as file:
            file.write("烤鸭,2,30.00\nTea,8.50\n")
            file.flush()
            till.choose_file(file.name)
            till.see("[data-testid=bill-total]", "68.50")
        till.keys(Keys.ESCAPE)
        till.gone("dialog")

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
