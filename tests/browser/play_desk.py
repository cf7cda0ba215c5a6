"""What whoever runs the server reads: the operator's desk, the reference, and the page for an address that is none."""

from selenium.webdriver.common.keys import Keys

from plays import Quiet, cents
from window import PHONE


class AtTheDesk(Quiet):
    """An evening that has had its dinners, and whose last window is free for the operator."""

    def test_5_the_operator_watches(self):
        till = self.windows[2]
        for language in ("en", "zh"):
            till.driver.get(f"{self.house.url}/operator")
            till.speak(language)
            till.shot("operator-welcome")
            # A till's key is a token, too, and not this one.
            for wrong in (self.house.operator_token()[:-1], self.house.till_key):
                till.write("input[type=password]", wrong)
                till.press("button[type=submit]")
                till.see(".toast.bad", till.word("operator_token_wrong"))
                till.until("token to type over", lambda till=till, wrong=wrong: till.driver.execute_script(
                    "const at = document.activeElement; return at.selectionStart === 0 && at.selectionEnd === arguments[0]", len(wrong)))
            till.shot("operator-token-wrong")
            till.keys(self.house.operator_token(), Keys.ENTER)
            till.see(".tile strong")
            self.assertEqual(till.count(".toast"), 0, "what was wrong with the other tokens is over")
            # Settled and declined over time, and the median and 99 of 100: two lines in each.
            till.until("lines over time", lambda till=till: till.driver.execute_script("""
                return [...document.querySelectorAll('figure.plot-box')].map((plot) => plot.querySelectorAll('.plot-line').length).join() === '2,2'"""))
            self.the_journal_stands_where_it_is_said_to(till)
            self.the_money_is_all_there(till)
            self.trouble_is_told(till)
            till.shot("operator", dark=True)
            till.resize(PHONE, mobile=True)
            till.shot("operator-360")
            till.resize((1280, 900))
            till.press("button", till.word("sign_out"))
            till.see("input[type=password]")
        till.driver.get(f"{self.house.url}/docs")
        till.see("#schemas summary")
        till.shot("docs", dark=True)
        till.resize(PHONE, mobile=True)
        till.shot("docs-360")
        till.resize((1280, 900))
        self.what_was_linked_to_is_marked(till)
        self.an_address_that_was_mistyped(till)

    def what_was_linked_to_is_marked(self, till):
        for place, code in (("/problems/forbidden", "forbidden"), ("/docs#problem-busy", "busy"), ("/docs#closing", "closing")):
            till.driver.get(f"{self.house.url}{place}")
            till.see(f"#problem-{code}.linked", code)
            self.assertEqual(till.count(".linked"), 1, place)
        till.shot("docs-linked", dark=True)

    def an_address_that_was_mistyped(self, till):
        till.expected = ["/tlil - Failed to load resource: the server responded with a status of 404"]
        for language in ("en", "zh"):
            till.driver.get(f"{self.house.url}/tlil")
            till.speak(language)
            till.see("h1", till.word("missing"))
            till.shot("missing", dark=True)
            till.press("a", till.word("missing_home"))
            till.see(".brand-word")

    def the_journal_stands_where_it_is_said_to(self, till):
        durable = self.house.ask("GET", "/v1/operator/stats", self.house.operator_token())["durable"]
        till.until("journal's position", lambda: till.driver.execute_script(
            "return [...document.querySelectorAll('.tile strong')].some((tile) => tile.textContent.replace(/\\D/g, '') === arguments[0])", str(durable)))

    def the_money_is_all_there(self, till):
        """The audit says from when it is, that it comes to zero, and the page's own sums do."""
        till.see("[data-testid=audit] .good", till.word("audit_balanced"))
        till.see("[data-testid=audit] h3", "CNY")
        till.press("[data-key=audit-again]")
        rows = till.until("sums of the audit", lambda: till.driver.execute_script(
            "return [...document.querySelectorAll('[data-testid=audit] [data-currency=CNY] td')].map((cell) => cell.textContent)"))
        wallets, merchants, clearing = (cents(text) for text in rows)
        self.assertEqual(wallets + merchants + clearing, 0, rows)
        self.assertGreater(merchants, 0, "shops were paid")
        # A server whose sums do not come to zero cannot be had: the page is told of one.
        till.driver.execute_script("""
            const parse = JSON.parse;
            JSON.parse = (text) => { const said = parse(text); if (said.result?.balanced) said.result.balanced = false; return said; };
            window.honest = () => { JSON.parse = parse; };""")
        till.press("[data-key=audit-again]")
        till.see("[data-testid=audit] .alarm", till.word("audit_wrong"))
        till.driver.execute_script("window.honest()")
        till.press("[data-key=audit-again]")
        till.see("[data-testid=audit] .good")

    def trouble_is_told(self, till):
        """A server in such trouble cannot be had: the page is told of one, by its measures, and of its end."""
        for trouble, alarm in (({"poisoned": True}, till.word("alarm_poisoned")), ({"books_lag_ms": 3_600_000}, till.word("alarm_lag")),
                               ({"books_error": "no space left"}, till.word("alarm_books", error="no space left"))):
            self.assertEqual(till.count(".alarm"), 0)
            till.driver.execute_script("""
                const [trouble] = arguments;
                const parse = JSON.parse;
                JSON.parse = (text) => { const said = parse(text); if ('syncs' in (said.result ?? {})) Object.assign(said.result, trouble); return said; };
                window.honest = () => { JSON.parse = parse; };""", trouble)
            till.see(".alarm", alarm)
            self.assertEqual(till.count(".alarm"), 1)
            till.shot(f"operator-{next(iter(trouble)).replace('_', '-')}")
            till.driver.execute_script("window.honest()")
            till.gone(".alarm")
