"""A merchant's till: amounts, scans, refunds."""

from selenium.webdriver.common.keys import Keys

from window import Window

SIZE = (1280, 900)


class Till(Window):
    def __init__(self, name, *, flags=()):
        super().__init__(name, size=SIZE, flags=flags)

    def sign_up(self, owner):
        """A new owner, who has no shop yet."""
        self.press("button", self.word("till_new_owner"))
        self.write("dialog input", owner)
        self.press("dialog button[type=submit]")
        self.see(".welcome", self.word("merchant_new"))

    def open_shop(self, shop):
        self.write(".welcome .field:first-child input", shop)
        self.press(".welcome button", self.word("merchant_open"))
        self.see(".keypad")

    def sign_out(self):
        self.press("button", self.word("sign_out"))
        self.see(".welcome")

    def enter(self, amount):
        self.next_order()
        self.write(".till-amount", amount)

    def enter_on_screen(self, amount):
        """With the keypad that the screen shows: its keys keep the focus."""
        self.next_order()
        for digit in amount.replace(".", ""):
            self.press(".key", digit)

    def next_order(self):
        if self.look("[data-key=next]"):
            self.press("[data-key=next]")

    def import_bill(self, *lines):
        """Dishes and prices, as another till has them."""
        self.next_order()
        self.press(".wide-key")
        self.write("dialog textarea", "\n".join(lines))
        self.press("dialog button[type=submit]")
        self.gone("dialog")
        self.see(".bill-lines .row")

    def choose_file(self, path):
        """A file of dishes and prices instead of typing them."""
        self.press(".wide-key")
        self.see("dialog input[type=file]").send_keys(str(path))

    def send_to_table(self):
        """The next scan lays the bill on the table, and collects nothing."""
        self.press("[data-key=draft]", self.word("till_draft"))
        self.see(".result.drafting")

    def scan(self, code):
        """A hand scanner is a keyboard: it types wherever the till stands, then Enter."""
        self.keys(code, Keys.ENTER)

    def result(self, kind, text):
        self.see(f".result.{kind}", text)

    def refund(self, amount):
        self.press(".pane-orders button.row")
        self.press("dialog button", self.word("refund"))
        self.write("dialog input[inputmode=decimal]", amount)
        self.press("dialog button[type=submit]")
        self.gone("dialog")
