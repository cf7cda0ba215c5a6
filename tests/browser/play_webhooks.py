"""A shop's webhooks, and secrets that are shown once."""

from house import House
from plays import Quiet
from receiver import Receiver
from till import Till
from window import PHONE


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
