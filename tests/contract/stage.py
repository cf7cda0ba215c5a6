"""A table, a shop and people around them: what Schemathesis asks about, and as whom."""

import shop
from passkey import Passkey
from people import ID_NUMBER, sign_in, sign_up
from table import CAP, EQUAL, ITEMISED, LINES, TOTAL, Table

# What would end the caller's session or empty the stage for everything that is asked afterwards: only who leaves asks
# it, in this order, about things that nobody needs.
LAST = ["groups.lock", "groups.leave", "groups.close", "wallets.freeze", "wallets.close", "devices.revoke", "sign_out"]
# So many of whatever is used up when it is asked for.
SPARE = 3
# What will do where nothing is named.
EXAMPLES = {
    "name": "Ana", "label": "one", "rules": EQUAL, "total": TOTAL, "lines": LINES, "weight": 1, "refund_no": "1"}
DAYS = {"time_zone": ["Asia/Shanghai", "UTC"], "from": ["2026-03-08"], "to": ["2026-03-09"]}


class Part:
    """One caller, with a share of the time, what there is to name, and what is asked where that is not everything."""

    def __init__(self, name, share, token, *known, only=None):
        self.name, self.share, self.token, self._known, self.only = name, share, token, known, only

    def asks(self, methods):
        """Those of `methods` that this caller asks, in order."""
        if self.only:
            return [method for method in self.only if method in methods]
        asked = [method for method in methods if method not in LAST]
        # A look at its caller's finger serves for one thing: what takes one alone cannot wait.
        return sorted(asked, key=lambda method: method != "passkeys.remove")

    def known(self, method):
        """By parameter, what there is to name: for any method, or for this very one."""
        return {name: values for known in self._known
                for name, values in {**known, **known.get(method, {})}.items() if isinstance(values, list)}

    def example(self, method):
        """By parameter, one that will do."""
        first = {name: values[0] for name, values in self.known(method).items()}
        return {**EXAMPLES, "Idempotency-Key": f"{method} by {self.name}", **first}


class Stage:
    """Friends at a table, a bill that they paid, and the shop that was paid."""

    @classmethod
    async def set_up(cls, door, house, receiver):
        stage = cls()
        stage.door, stage.operator = door, house.operator_token()
        stage.ana, stage.bo, stage.owner, stage.eve = [
            await sign_up(door, name) for name in ("Ana", "Bo", "Olga", "Eve")]
        for person in (stage.ana, stage.bo):
            await person.ask("wallets.top_up", wallet=person.wallet, amount=1_000_000, idempotency_key="in")
        await stage._opens(receiver)
        await stage._sits()
        headers, _ = receiver.next()
        stage.of_shop["webhooks.replay"] = {"message": [headers["webhook-id"]]}
        return stage

    async def _opens(self, receiver):
        """The shop, with what belongs to it, some of it to be removed."""
        self.shop = await shop.opens(self.door, self.owner)
        ask, at = self.owner.ask, {"merchant": self.shop.merchant}
        await self.owner.looks()
        await ask("staff.add", **at, person=self.bo.id, role="cashier")
        keys = [await ask("keys.create", **at, label="bar", scopes=["read"]) for _ in range(SPARE)]
        hooks = [await ask("webhooks.create", **at, url=receiver.url) for _ in range(SPARE)]
        kept, *spare = [hook["webhook"]["id"] for hook in hooks]
        self.of_shop = {
            "person": [self.bo.id], "role": ["cashier"], "scopes": [["read"], shop.SCOPES],
            "url": [receiver.url], "webhook": [kept], "merchants.days": DAYS,
            "keys.revoke": {"key": [key["key"] for key in keys]}, "webhooks.remove": {"webhook": spare}}

    async def _sits(self):
        """The table, and one paid bill."""
        ana, bo = self.ana, self.bo
        group = await self._table(ana, CAP)
        self.table = Table(group, [ana, bo])
        link = (await ana.ask("groups.link", **self.table.seat))["link"]
        await bo.ask("groups.join", group=group, wallet=bo.wallet, cap=CAP, link=link)
        order = {"merchant": self.shop.merchant, "order_no": "1", "total": TOTAL}
        paid = await self.shop.till.ask("orders.scan", **order, code=await self.table.code())
        assert paid["state"] == "settled", paid
        self.seen = {
            "wallet": [ana.wallet], "host": [ana.wallet], "by": [ana.wallet], "to": [bo.wallet],
            "diner": [ana.wallet, bo.wallet], "wallets": [[ana.wallet]], "merchants": [[self.shop.merchant]],
            "group": [group], "merchant": [self.shop.merchant], "order_no": ["1", "2"], "link": [link],
            "currency": ["CNY", "JPY"], "amount": [1, 100, 5_000], "cap": [CAP, 100], "line": [0, 1]}

    async def _table(self, host, cap=1):
        return (await host.ask("groups.open", name="Table", host=host.wallet, cap=cap))["group"]

    async def _wallets(self, person):
        return [(await person.ask("wallets.open", currency="CNY"))["wallet"] for _ in range(SPARE)]

    async def diner(self):
        """The host of the table, with a draft, wallets that have not joined it, and what is locked or frozen."""
        ana = self.ana
        await ana.looks()
        by_link, by_code, frozen = [await self._wallets(ana) for _ in range(3)]
        locked = [await self._table(ana) for _ in range(SPARE)]
        for group in locked:
            await ana.ask("groups.lock", group=group, by=ana.wallet)
        for wallet in frozen:
            await ana.ask("wallets.freeze", wallet=wallet)
        await ana.ask("groups.rules", **self.table.seat, rules=ITEMISED)
        await ana.ask("groups.draft", **self.table.seat, total=TOTAL, lines=LINES)
        return Part("a diner", 0.6, ana.token, self.seen, {
            "groups.join": {"wallet": by_link},
            "groups.join_by_code": {"wallet": by_code, "code": [await self.table.code()]},
            "groups.invite": {"wallet": [self.owner.wallet, self.eve.wallet]},
            "groups.unlock": {"group": locked}, "wallets.thaw": {"wallet": frozen},
            "me.verify": {"name": ["Ana"], "id_number": [ID_NUMBER]}})

    async def at_shop(self, name, share, token, order_no):
        """Whoever works at the shop, with a code that is fresh."""
        bill = {"code": [await self.table.code()], "order_no": [order_no]}
        return Part(name, share, token, self.seen, self.of_shop, {"orders.scan": bill, "orders.draft": bill})

    async def keeper(self):
        """The owner, who has a passkey to spare."""
        owner, spare = self.owner, Passkey(self.door.origin)
        await owner.looks()
        begun = await owner.ask("add_passkey.begin")
        added = await owner.ask("add_passkey.finish", ceremony=begun["ceremony"],
                                credential=spare.create(begun["options"]))
        self.of_shop["passkeys.remove"] = {"passkey": [added["passkey"]]}
        await owner.looks()
        return await self.at_shop("the shop's owner", 0.6, owner.token, "2")

    async def till(self):
        return await self.at_shop("a till", 0.2, self.shop.till.token, "3")

    async def who_runs_it(self):
        return Part("the operator", 0.1, self.operator, self.seen)

    async def nobody(self):
        """Nobody yet: but whoever has Eve's recovery codes may be Eve."""
        await self.eve.looks()
        codes = (await self.eve.ask("recovery_codes.make"))["codes"]
        return Part("nobody", 0.2, None, self.seen, {"recovery.begin": {"name": ["Eve"], "code": codes}})

    async def leaver(self):
        """Somebody who ends whatever can be ended, and this session last."""
        eve = await sign_in(self.door, self.eve.passkey)
        to_lock, to_close, to_leave = [await self._table(eve) for _ in range(3)]
        leaving, frozen, closed = [await self._wallets(eve) for _ in range(3)]
        for wallet in leaving:
            await eve.ask("groups.invite", group=to_leave, by=eve.wallet, wallet=wallet)
            await eve.ask("groups.join", group=to_leave, wallet=wallet, cap=1)
        devices = [(await sign_in(self.door, eve.passkey)).me["device"] for _ in range(SPARE)]
        await eve.looks()
        return Part("who leaves", 0.15, eve.token, {"by": [eve.wallet]}, {
            "groups.lock": {"group": [to_lock]}, "groups.close": {"group": [to_close]},
            "groups.leave": {"group": [to_leave], "wallet": leaving},
            "wallets.freeze": {"wallet": frozen}, "wallets.close": {"wallet": closed},
            "devices.revoke": {"device": devices}}, only=["add_passkey.begin", "recovery_codes.make", *LAST])

    @property
    def parts(self):
        """Everybody, in order; each is made up when it is time."""
        return [self.diner, self.keeper, self.till, self.who_runs_it, self.nobody, self.leaver]
