"""A table: how friends gather, agree and go, and the bills that they pay."""

import asyncio

CAP = 40_000
LINES = [{"name": "Soup", "amount": 1_200}, {"name": "Tea", "amount": 1_800}]
TOTAL = sum(line["amount"] for line in LINES)
EQUAL = {"split": {"mode": "equal"}, "shortfall": "decline", "rounding": "fair_cent", "cash_step": 0}
ITEMISED = {**EQUAL, "split": {"mode": "itemised", "claims": [], "rest": "equally"}}


class Table:
    """A group of friends; its host comes first."""

    def __init__(self, group, friends):
        self.group, self.friends, self.host = group, friends, friends[0]
        self.seat = {"group": group, "by": self.host.wallet}

    async def code(self):
        return (await self.host.ask("groups.code", **self.seat))["code"]


async def gathers(ana, bo, cem):
    """Friends come by link, by code and by name, and say how they pay."""
    opened = {"name": "Table", "host": ana.wallet, "cap": CAP, "confirm_above": 100, "idempotency_key": "open"}
    group = (await ana.ask("groups.open", **opened))["group"]
    assert (await ana.ask("groups.open", **opened))["replayed"]
    table = Table(group, [ana, bo, cem])
    await ana.hears("group", group)
    link = (await ana.ask("groups.link", **table.seat))["link"]
    await bo.is_refused("link_over", "groups.join", group=group, wallet=bo.wallet, cap=CAP, link=f"{link}A")
    await bo.ask("groups.join", group=group, wallet=bo.wallet, cap=CAP, link=link, idempotency_key="join")
    await cem.is_refused("bad_request", "groups.join_by_code", code="1" * 18, wallet=cem.wallet, cap=CAP,
                         described=True)
    await cem.ask("groups.join_by_code", code=await table.code(), wallet=cem.wallet, cap=CAP)
    await cem.hears("group", group)
    await cem.ask("groups.leave", group=group, wallet=cem.wallet)
    await ana.ask("groups.lock", **table.seat)
    await ana.is_refused("group_refused", "groups.invite", **table.seat, wallet=cem.wallet)
    await ana.ask("groups.unlock", **table.seat)
    await ana.ask("groups.invite", **table.seat, wallet=cem.wallet)
    await cem.ask("groups.join", group=group, wallet=cem.wallet, cap=CAP)
    await cem.ask("groups.consent", group=group, wallet=cem.wallet, cap=CAP + 1)
    await ana.ask("groups.rules", **table.seat, rules=ITEMISED)
    await ana.ask("groups.draft", **table.seat, total=TOTAL, lines=LINES)
    for line, friend in enumerate([bo, cem]):
        await friend.ask("groups.claim", group=group, wallet=friend.wallet, line=line, weight=1)
    assert (await ana.ask("groups.get", group=group))["preview"]
    await ana.ask("groups.clear_draft", **table.seat)
    await ana.ask("groups.rules", **table.seat, rules=EQUAL)
    for friend in table.friends:
        names = (await friend.ask("names", wallets=[ana.wallet]))["names"]
        assert list(names) == [ana.wallet], names
    assert (await ana.ask("wallets.groups", wallet=ana.wallet))["groups"]
    assert (await ana.ask("groups.events", group=group, limit=1))["next"]
    return table


async def pays(table, shop):
    """One bill is paid, one is refused and one is taken back. What is paid goes back in part."""
    till, merchant, host = shop.till, shop.merchant, table.host
    code = await table.code()
    await till.ask("orders.draft", merchant=merchant, order_no="1", code=code, total=TOTAL, lines=LINES)
    await host.ask("groups.clear_draft", **table.seat)

    async def scan(order_no, answer):
        """A bill that the host is asked about, and what becomes of it."""
        order = {"merchant": merchant, "order_no": order_no}
        ended = asyncio.create_task(till.ask("orders.scan", **order, code=await table.code(), total=TOTAL))
        while not ended.done():
            for question in (await host.ask("groups.get", group=table.group))["questions"]:
                await answer(order, question)
                return (await ended)["state"]
            await asyncio.sleep(0.05)
        raise AssertionError(f"order {order_no}: nobody is asked")

    async def yes(_, question):
        await host.ask("groups.confirm", group=table.group, **question)

    async def no(_, question):
        await host.is_refused("answer_refused", "groups.refuse", group=table.group, **{**question, "owed": 1})
        await host.ask("groups.refuse", group=table.group, **question)

    async def back(order, _):
        await till.ask("orders.get", **order)
        assert (await till.ask("orders.cancel", **order))["reason"] == {"reason": "cancelled"}
        # Whoever lost that answer hears it again.
        assert (await till.ask("orders.cancel", **order))["replayed"]

    assert await scan("1", yes) == "settled"
    assert await scan("2", no) == "declined"
    assert await scan("3", back) == "declined"
    for order_no in "123":
        await till.ask("orders.get", merchant=merchant, order_no=order_no)
    paid = {"merchant": merchant, "order_no": "1"}
    await till.is_refused("cancel_refused", "orders.cancel", **paid)
    await till.ask("orders.refund", **paid, refund_no="1", amount=100)
    await till.ask("orders.refund", **paid, refund_no="2", amount=50, diner=host.wallet)
    await till.is_refused("refund_refused", "orders.refund", **paid, refund_no="3", amount=TOTAL)


async def parts(table):
    await table.host.ask("groups.close", **table.seat)
