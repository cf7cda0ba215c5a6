"""A person who works for several shops."""

from selenium.webdriver.common.keys import Keys

from house import House
from plays import PEOPLE, SHOP, Quiet, together
from till import Till
from window import PHONE

NEXT_DOOR = {"en": "Tea House", "zh": "隔壁茶馆"}


class Shops(Quiet):
    """A person who works for more than one shop: another owner has taken on whoever only gave a number."""

    @classmethod
    def setUpClass(cls):
        cls.opens(lambda: Till("neighbour"), lambda: Till("owner"))
        for window in cls.windows:
            window.expected = ["ERR_CONNECTION_REFUSED", "WebSocket connection"]

    def test_1_in_english(self):
        self.shops("en")

    def test_2_in_chinese(self):
        neighbour, owner = self.windows
        together(neighbour.sign_out, owner.sign_out)
        for window in self.windows:
            window.driver.remove_all_credentials()
        self.shops("zh")

    def shops(self, language):
        neighbour, owner = self.windows
        mine, theirs = SHOP[language], NEXT_DOOR[language]
        # The shop next door is the older one: it is first in the list.
        self.opens_a_shop(neighbour, language, PEOPLE[language][1], theirs)
        self.opens_a_shop(owner, language, PEOPLE[language][2], mine)
        person, works = self.works(owner)
        self.assertEqual(len(works), 1)
        self.takes_on(neighbour, person, "cashier")
        self.makes_an_owner(neighbour, person, PEOPLE[language][2])

        # Where the till was open before, it stays with its shop; a device that does not know asks.
        owner.driver.refresh()
        owner.see(".top-name", mine)
        owner.sign_out()
        owner.driver.execute_script("localStorage.clear()")
        owner.driver.refresh()
        owner.speak(language)
        owner.press("button", owner.word("sign_in"))
        self.asks(owner, (theirs, "owner"), (mine, "owner"))
        owner.resize(PHONE, mobile=True)
        owner.shot("till-shops-360", dark=True)
        owner.press("[data-testid=shops] button.row", mine)
        owner.see(".keypad")
        owner.shot("till-of-a-shop-360")
        owner.resize((1280, 900))
        for _ in range(2):
            owner.see(".top-name", mine)
            owner.driver.refresh()
            owner.see(".keypad")
        # What is typed waits until the till is there again.
        owner.enter("12.34")
        owner.press("[data-key=shops]")
        owner.press("[data-testid=shops] button.row", mine)
        owner.see(".keypad")
        self.assertEqual(owner.driver.execute_script("return document.querySelector('.till-amount').value"), "12.34")
        owner.press("[data-key=shops]")
        owner.press("[data-testid=shops] button.row", theirs)
        owner.see(".top-name", theirs)
        owner.driver.refresh()
        owner.see(".top-name", theirs)
        self.opens_one_more(owner)
        self.leaves(owner, theirs, mine)

    def opens_a_shop(self, till, language, who, shop):
        till.driver.get(f"{self.house.url}/till")
        till.speak(language)
        till.sign_up(who)
        till.open_shop(shop)
        till.see(".top-name", shop)

    def works(self, till):
        token = till.driver.execute_script("return localStorage.getItem('fanju.till')")
        me = self.house.ask("GET", "/v1/me", token)
        return me["person"]["id"], me["merchants"]

    def takes_on(self, till, person, role):
        till.press("[data-key=add-staff]")
        till.write("dialog input.mono", person)
        till.driver.execute_script("document.querySelector('dialog select').value = arguments[0]", role)
        till.press("dialog button[type=submit]")
        till.gone("dialog")
        till.see(".pane-shop .row", till.word(f"role_{role}"))

    def makes_an_owner(self, till, person, name):
        """After a restart no look at the passkey is fresh: the page has it shown, and goes on."""
        self.house.kill()
        till.see(".banner")
        self.house.start()
        till.gone(".banner")
        self.takes_on(till, person, "owner")
        till.see(".pane-shop .row", name)
        self.assertEqual(till.count(".toast.bad"), 0)

    def asks(self, till, *shops):
        for shop, role in shops:
            till.see("[data-testid=shops] .row", f"{shop}{till.word(f'role_{role}')}")
        self.assertEqual(till.count("[data-testid=shops] button.row"), len(shops))
        self.assertFalse(till.look(".keypad"))

    def opens_one_more(self, till):
        till.press("[data-key=shops]")
        till.press("[data-key=own-shop]")
        till.press("[data-key=shops]", till.word("back"))
        till.press("[data-key=own-shop]")
        till.open_shop(f"{till.word('merchant_name')} 3")
        till.driver.refresh()
        till.see(".top-name", " 3")
        self.assertEqual(len(self.works(till)[1]), 3)

    def leaves(self, till, theirs, mine):
        """Whoever leaves the shop that the till was of is asked anew; the last owner stays."""
        till.press("[data-key=shops]")
        till.press("[data-testid=shops] button.row", theirs)
        till.see(".top-name", theirs)
        till.press("[data-key=shops]")
        till.press(f"button[aria-label='{till.word('shop_leave_this', shop=mine)}']")
        till.shot("till-shop-leave")
        till.press("[data-key=sure]")
        till.see("dialog .toast.bad", till.word("error_last_owner"))
        till.keys(Keys.ESCAPE)
        till.gone("dialog")
        till.press(f"button[aria-label='{till.word('shop_leave_this', shop=theirs)}']")
        till.press("[data-key=sure]")
        till.gone("dialog")
        till.gone("[data-testid=shops] .row", theirs)
        self.asks(till, (mine, "owner"), (" 3", "owner"))
        till.press("[data-testid=shops] button.row", mine)
        till.see(".top-name", mine)
        self.assertEqual(len(self.works(till)[1]), 2)
