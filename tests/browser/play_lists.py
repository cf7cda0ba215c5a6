"""Lists that have much in them that they do not show: what is looked for is found behind it."""

from house import House
from phone import Phone
from plays import Quiet


class Lists(Quiet):
    """A diner whom somebody invites without end, and a table where dishes are claimed without end."""

    @classmethod
    def setUpClass(cls):
        # As fast as a script asks.
        cls.house = House(demo=True, requests_per_second=10_000)
        cls.addClassCleanup(cls.house.close)
        cls.windows = (Phone("diner"),)
        cls.addClassCleanup(cls.windows[0].close)
        cls.cast = cls.house.ask("GET", "/demo/cast")
        cls.host, *cls.diners = cls.cast["diners"]

    def test_1_in_english(self):
        self.lists("en", self.diners[0])

    def test_2_in_chinese(self):
        self.lists("zh", self.diners[1])

    def lists(self, language, diner):
        """Somebody else in each language: nobody is invited by name more often than sixty times an hour."""
        self.diner = diner
        [phone] = self.windows
        phone.driver.get(self.house.url)
        phone.driver.execute_script("localStorage.setItem('fanju.token', arguments[0])", self.diner["token"])
        phone.driver.refresh()
        phone.see("[data-testid=available]")
        phone.speak(language)
        self.a_bill_behind_claims(phone, language)
        self.a_line_behind_invitations(phone)

    def a_bill_behind_claims(self, phone, language):
        """The table still has it, and its receipt says what was given back."""
        shop, token = self.cast["merchant"], self.diner["token"]
        rules = {"split": {"mode": "itemised", "claims": [], "rest": "in_proportion"}, "shortfall": "decline", "rounding": "fair_cent", "cash_step": 0}
        name = f"Claims {language}"
        group = self.house.ask("POST", "/v1/groups", token, name=name, host=self.diner["wallet"], cap=300_00)["group"]
        code = self.house.ask("POST", f"/v1/groups/{group}/codes", token, by=self.diner["wallet"])["code"]
        orders = f"/v1/merchants/{shop['merchant']}/orders"
        paid = self.house.ask("POST", orders, shop["token"], code=code, order_no=f"claims-{language}", total=12_00)
        self.assertEqual(paid["state"], "settled")
        self.house.ask("POST", f"{orders}/claims-{language}/refunds", shop["token"], refund_no="R1", amount=5_00)
        self.house.ask("PUT", f"/v1/groups/{group}/rules", token, by=self.diner["wallet"], rules=rules)
        self.house.ask("PUT", f"/v1/groups/{group}/draft", token, by=self.diner["wallet"], total=1_00, lines=[{"name": "Tea", "amount": 1_00}])
        for number in range(205):
            self.house.ask("PUT", f"/v1/groups/{group}/claims/0", token, key=f"{group}-{number}", wallet=self.diner["wallet"], weight=1 + number % 2)
        # What was read live meanwhile, and the receipt among it, is gone with the page.
        phone.driver.refresh()
        phone.press(".list button.row", name)
        phone.see(".dish", "Tea")
        phone.see(".list button.row", phone.word("bill_refunded"))
        # The bar at the bottom of the screen lies over the last row otherwise.
        phone.driver.execute_script("scrollTo(0, document.body.scrollHeight)")
        phone.press(".list button.row", phone.word("bill_settled"))
        phone.see(".receipt [data-testid=my-share]", "12.00")
        phone.see(".receipt .slip .plus", "5.00")
        phone.shot("phone-receipt-behind-claims", dark=True)
        phone.close_sheet()
        phone.home()

    def a_line_behind_invitations(self, phone):
        for _ in range(45):
            group = self.house.ask("POST", "/v1/groups", self.host["token"], name="Come", host=self.host["wallet"], cap=1_00)["group"]
            self.house.ask("POST", f"/v1/groups/{group}/invitations", self.host["token"], by=self.host["wallet"], wallet=self.diner["wallet"])
        phone.see(".list .row .waiting")
        phone.press("[data-key=card-list]")
        phone.see(".list .row", "12.00")
        phone.shot("phone-statement-behind-invitations")
        phone.home()
