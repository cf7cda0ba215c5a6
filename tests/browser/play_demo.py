"""The demo."""

from demo import AtTheDemo
from window import PHONE


class Demonstration(AtTheDemo):
    """`--demo`: eight phones and a till on one page, and one button that plays it all."""

    def test_1_the_whole_dinner_in_english(self):
        self.dinner("en")

    def test_2_the_whole_dinner_in_chinese(self):
        self.dinner("zh")

    def dinner(self, language):
        [demo] = self.windows
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak(language)
        demo.ready()
        demo.shot("demo-begin")
        demo.resize((1280, 720))
        demo.press("[data-testid=step-scan]")
        with demo.inside(".phones .phone:nth-child(5) iframe"):
            demo.see(".question [data-testid=owed]", "32.00")
        self.who_is_asked_can_be_read(demo)
        demo.shot("demo-asking")
        demo.resize((1440, 900))
        demo.see("[data-testid=play]", demo.word("demo_rest"))
        demo.play()
        demo.everybody_paid("32.00", "256.00")
        demo.shot("demo", dark=True)
        demo.resize((1280, 720))
        demo.shot("demo-720")
        self.steps_have_room(demo)
        with demo.inside(".till-frame"):
            self.assertTrue(demo.driver.execute_script(
                "return document.querySelector('.result.settled').getBoundingClientRect().bottom <= innerHeight"), "all of the till's answer is in sight")
        demo.resize(PHONE, mobile=True)
        demo.shot("demo-360")
        demo.until("last step in sight", lambda: demo.driver.execute_script(
            "const { left, right } = document.querySelector('.step:last-child').getBoundingClientRect(); return left >= 0 && right <= innerWidth"))
        demo.resize((1440, 900))
        # The page is loaded anew for each language: the tables of the dinners before are closed.
        host = self.house.ask("GET", "/demo/cast")["diners"][0]
        groups = self.house.ask("GET", f"/v1/wallets/{host['wallet']}/groups", host["token"])["groups"]
        self.assertEqual(len([one for one in groups if one["status"] != "closed"]), 1, groups)

    def test_3_the_page_is_loaded_anew_in_the_middle(self):
        """It says why money is set aside, and goes on with the bill: by one's yes, or by the till's no."""
        [demo] = self.windows
        for way in ("yes", "no"):
            order_no = self.until_one_is_asked(demo)
            demo.driver.refresh()
            demo.ready()
            demo.in_all_phones(".middle-amount", "256.00")
            with demo.inside(".phones .phone:nth-child(5) iframe"):
                for said in ("32.00", "256.00", self.house.ask("GET", "/demo/cast")["merchant"]["name"]):
                    demo.see(".question", said)
            demo.shot("demo-asking-anew")
            with demo.inside(".phones .phone:nth-child(2) iframe"):
                self.back(demo)
                for said in ("32.00", order_no):
                    demo.see("[data-testid=aside]", said)
            with demo.inside(".till-frame"):
                demo.see(".result.asking", order_no)
            if way == "yes":
                demo.play()
                demo.everybody_paid("32.00", "256.00")
            else:
                with demo.inside(".till-frame"):
                    demo.press("[data-key=cancel]")
                    demo.see(".result.declined", order_no)
                demo.in_all_phones(".sheet.declined", order_no)

    def test_4_an_older_bill_takes_no_receipt_away(self):
        """Another page, whose till knows nothing of the first one's bill, is paid before that one ends."""
        [demo] = self.windows
        order_no = self.until_one_is_asked(demo)
        first = demo.driver.current_window_handle
        demo.driver.switch_to.new_window("tab")
        self.assertNotEqual(self.until_one_is_asked(demo, anew=True), order_no)
        # Whoever is asked at both tables keeps the first question, too.
        with demo.inside(".phones .phone:nth-child(5) iframe"):
            demo.see(".question", order_no)
        demo.press("[data-testid=step-settled]")
        demo.everybody_paid("32.00", "256.00")
        shop = self.house.ask("GET", "/demo/cast")["merchant"]
        self.house.ask("DELETE", f"/v1/merchants/{shop['merchant']}/orders/{order_no}", shop["token"])
        demo.in_all_phones(".toast.unpaid", order_no)
        demo.everybody_paid("32.00", "256.00")
        demo.driver.close()
        demo.driver.switch_to.window(first)

    def test_5_an_invitation_covers_no_table(self):
        """Whoever sits at a table finds the invitation to another one in the list of tables."""
        [demo] = self.windows
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak("en")
        demo.ready()
        demo.open_a_table()
        demo.see(".step.next [data-testid=step-seat]")
        guest, *_, host = self.house.ask("GET", "/demo/cast")["diners"]
        with demo.inside(".phones .phone:first-child iframe"):
            demo.see(".ring")
            group = self.house.ask("POST", "/v1/groups", host["token"], name="Next door", host=host["wallet"], cap=300_00)["group"]
            self.house.ask("POST", f"/v1/groups/{group}/invitations", host["token"], by=host["wallet"], wallet=guest["wallet"])
            self.back(demo)
            demo.see(".list .row", "Next door")
            demo.see(".list .row .waiting", demo.word("group_invited"))
            self.assertEqual(demo.count(".toast"), 0, "nothing lies over the page")

    def test_6_the_page_is_loaded_anew_at_the_table(self):
        """Whoever sits there sits there still, and the dinner goes on without another table."""
        [demo] = self.windows
        demo.driver.get(f"{self.house.url}/demo")
        demo.speak("en")
        demo.ready()
        demo.open_a_table()
        tables = self.tables_of_the_host()
        demo.driver.refresh()
        demo.ready()
        demo.see("[data-testid=step-seat]", demo.word("step_seat_hint", seated=1, of=8))
        demo.press("[data-testid=step-seat]")
        everybody = demo.word("step_seat_hint", seated=8, of=8)
        demo.see("[data-testid=step-seat]", everybody)
        demo.driver.refresh()
        demo.ready()
        demo.see("[data-testid=step-seat]", everybody)
        demo.see(".step.next [data-testid=step-code]")
        demo.in_all_phones(".middle-count", "8")
        demo.shot("demo-anew")
        demo.play()
        demo.everybody_paid("32.00", "256.00")
        self.assertEqual(self.tables_of_the_host(), tables)

    def tables_of_the_host(self):
        host = self.house.ask("GET", "/demo/cast")["diners"][0]
        groups = self.house.ask("GET", f"/v1/wallets/{host['wallet']}/groups", host["token"])["groups"]
        return {one["group"] for one in groups}

    def back(self, demo):
        back = f"button[aria-label='{demo.word('back')}']"
        demo.see(back)
        # The driver misses what lies in a frame that is shown smaller; the news may draw the page anew.
        demo.driver.execute_script("document.querySelector(arguments[0]).click()", back)

    def who_is_asked_can_be_read(self, demo):
        """A small laptop shows fewer phones at once, as large as their words need, and whoever is asked among them."""
        wide, above, below = demo.driver.execute_script("""
            const [room, its] = ['.phones', '.phone:nth-child(5) .phone-glass'].map((css) => document.querySelector(css).getBoundingClientRect());
            return [its.width, its.top - room.top, room.bottom - its.bottom];""")
        self.assertGreater(wide, 360 / 2)
        self.assertGreaterEqual(min(above, below), 0, "it is in sight")

    def steps_have_room(self, demo):
        """A small laptop has room for the steps' words in two lines, if for nothing beside them."""
        lines = demo.driver.execute_script("""
            return [...document.querySelectorAll('.step-word strong')].map((word) => {
              const range = document.createRange();
              range.selectNodeContents(word);
              return new Set([...range.getClientRects()].map(({ top }) => top)).size;
            });""")
        self.assertEqual(len(lines), 5)
        self.assertLessEqual(max(lines), 2, "lines of each step")
        self.assertFalse(demo.look(".step small"))
