"""A diner's phone: what a thumb can do on it."""

from selenium.webdriver.common.keys import Keys

from window import PHONE, Window


class Phone(Window):
    def __init__(self, name):
        super().__init__(name, size=PHONE, mobile=True)

    # --- who is there ------------------------------------------------------------------------

    def sign_up(self, name):
        self.write("input[name=name]", name)
        self.press("button[type=submit]", self.word("sign_up"))
        self.see(".top-name, .join-name")

    def sign_in(self):
        self.press("button", self.word("sign_in"))
        self.see("[data-testid=available]")

    def sign_out(self):
        self.home()
        self.press(f"button[aria-label='{self.word('account')}']")
        self.press("button", self.word("sign_out"))
        self.see(".welcome")

    def account(self):
        self.home()
        self.press(f"button[aria-label='{self.word('account')}']")
        self.see("[data-key=make-codes]")

    def passkeys(self, *labels):
        """The list says these, one under the other."""
        def act():
            rows = self.driver.execute_script("return [...document.querySelectorAll('.page-part .list strong')].map((one) => one.textContent)")
            return rows == list(labels)
        self.until(f"passkeys {labels}", act)

    def codes(self):
        """The recovery codes, which are shown this once."""
        self.see("[data-testid=recovery-code]")
        return self.driver.execute_script("return [...document.querySelectorAll('[data-testid=recovery-code]')].map((one) => one.textContent)")

    def come_back(self, name, code):
        self.write("dialog input[name=name]", name)
        self.write("dialog input.mono", code)
        self.press("dialog button[type=submit]")

    def home(self):
        """Back to the first screen, from wherever."""
        while not self.look("[data-testid=available]"):
            self.press(f"button[aria-label='{self.word('back')}']")
            self.see("#screen > *")
        self.see("[data-testid=available]")

    # --- money -------------------------------------------------------------------------------

    def top_up(self, amount):
        self.press("[data-key=card-up]")
        self.write("dialog .input.big", amount)
        self.press("dialog button[type=submit]")
        self.gone("dialog")

    def has(self, amount):
        """The balance becomes this."""
        self.see("[data-testid=available]", amount)

    def transfer(self, amount):
        """To the one who sat at the table, which the sheet offers by itself."""
        self.press("[data-key=card-send]")
        self.see("dialog select")
        self.write("dialog .input.big", amount)
        self.press("dialog button[type=submit]")

    def step_up(self):
        self.step_up_on()
        self.gone("dialog")

    def step_up_on(self, then=None):
        """Shows the passkey, after which something else comes up."""
        self.press("dialog button", self.word("step_up_do"))
        if then:
            self.see(then)

    def statement(self):
        self.press("[data-key=card-list]")
        self.see(".list .row")

    # --- tables ------------------------------------------------------------------------------

    def open_table(self):
        self.press("button", self.word("open_table"))
        self.press("dialog button[type=submit]")
        self.see(".ring")

    def invitation(self):
        """The link that a friend gets."""
        self.press("[data-key=tool-people]")
        link = self.text("dialog code")
        self.close_sheet()
        return link

    def join(self, *, ask_above=None):
        self.see(".join-name")
        if ask_above:
            self.write(".two .field:last-child input", ask_above)
        self.press("button[type=submit]", self.word("join"))
        self.see(".ring")

    def enter_table(self):
        self.press(".list button.row")
        self.see(".ring")

    def seats(self, *states):
        """Waits until everybody's seat at the table shows this, in the order of joining."""
        def shown():
            return self.driver.execute_script("""
                return [...document.querySelectorAll('.seat:not(.free)')].map((seat) => [...seat.classList].find((name) => name !== 'seat' && name !== 'me'))""")
        self.until(f"seats that are {states}", lambda: shown() == list(states))

    def claim(self, dish):
        """Taps a dish of the bill that lies on the table."""
        self.press(f"[data-key=dish-{dish}]")
        self.see(f"[data-key=dish-{dish}][aria-pressed=true]")

    def split(self, mode):
        """The host chooses how bills are divided."""
        self.press("[data-key=tool-rules]")
        self.see("dialog select")
        self.driver.execute_script("""
            const select = [...document.querySelectorAll('dialog select')].find((one) => one.querySelector(`option[value=${arguments[0]}]`));
            select.value = arguments[0];
            select.dispatchEvent(new Event('change', { bubbles: true }));""", mode)
        self.press("dialog button[type=submit]")
        self.gone("dialog")

    def show_code(self):
        self.press("[data-key=pay]:not([disabled])")
        return self.text("[data-testid=code]").replace(" ", "")

    def pays(self, amount):
        """The receipt, which comes by itself."""
        self.see(".receipt [data-testid=my-share]", amount)

    def asked(self, amount):
        """Whether one agrees to a share, which is asked by itself."""
        self.see(".question [data-testid=owed]", amount)

    def agree(self):
        self.press(".question .button.pay")

    def refuse(self):
        self.press(".question button", self.word("refuse_share"))

    def close_sheet(self):
        self.keys(Keys.ESCAPE)
        self.gone("dialog")
