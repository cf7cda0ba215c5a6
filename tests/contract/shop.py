"""A shop: its people, its tills and its webhooks, and at the end of the day its takings."""

SCOPES = ["collect", "refund", "read", "pay_out"]


class Shop:
    """One shop, and a till that may do everything there."""

    def __init__(self, owner, merchant, till):
        self.owner, self.merchant, self.till = owner, merchant, till


async def opens(door, owner):
    """A shop of an owner who has just looked."""
    merchant = (await owner.ask("merchants.onboard", name="Noodles", currency="CNY"))["merchant"]
    made = await owner.ask("keys.create", merchant=merchant, label="door", scopes=SCOPES)
    till = await door.enter(made["secret"])
    till.token = made["secret"]
    assert (await till.ask("me"))["merchant"] == merchant
    return Shop(owner, merchant, till)


async def is_staffed(shop, person):
    """Who works there, and with which keys."""
    owner, merchant = shop.owner, shop.merchant
    await person.is_refused("forbidden", "merchants.get", merchant=merchant)
    await owner.is_refused("step_up_required", "staff.add", merchant=merchant, person=person.id, role="cashier")
    await owner.looks()
    await owner.ask("staff.add", merchant=merchant, person=person.id, role="cashier")
    assert len((await owner.ask("staff.list", merchant=merchant))["staff"]) == 2
    await person.ask("merchants.get", merchant=merchant)
    await owner.is_refused("step_up_required", "staff.remove", merchant=merchant, person=person.id)
    await owner.looks()
    await owner.ask("staff.remove", merchant=merchant, person=person.id)
    await owner.is_refused("last_owner", "staff.remove", merchant=merchant, person=owner.id)
    made = await owner.ask("keys.create", merchant=merchant, label="bar", scopes=["read"])
    assert len((await owner.ask("keys.list", merchant=merchant))["keys"]) == 2
    await owner.ask("keys.revoke", merchant=merchant, key=made["key"])
    await owner.is_refused("no_scope", "keys.create", merchant=merchant, label="bar", scopes=[], described=True)


async def tells(shop, receiver):
    """A webhook, from the first message to the last."""
    owner, merchant = shop.owner, shop.merchant
    refused = {"merchant": merchant, "url": "ftp://example.com/"}
    await owner.is_refused("webhook_url_refused", "webhooks.create", **refused)
    webhook = (await owner.ask("webhooks.create", merchant=merchant, url=receiver.url))["webhook"]["id"]
    assert len((await owner.ask("webhooks.list", merchant=merchant))["webhooks"]) == 1
    one = {"merchant": merchant, "webhook": webhook}

    async def last():
        headers, _ = receiver.next()
        await owner.ask("webhooks.replay", merchant=merchant, message=headers["webhook-id"])
        await owner.ask("webhooks.rotate", **one)
        assert (await owner.ask("webhooks.deliveries", **one, limit=1))["deliveries"]
        await owner.ask("webhooks.remove", **one)
        await owner.is_refused("unknown_webhook", "webhooks.remove", **one)

    return last


async def counts(shop):
    """What a till is told of the day, and how it pays out."""
    till, merchant = shop.till, shop.merchant
    await till.hears("merchant", merchant)
    view = await till.ask("merchants.get", merchant=merchant)
    assert (await till.ask("merchants.events", merchant=merchant, limit=3))["events"]
    days = await till.ask("merchants.days", merchant=merchant, time_zone="Asia/Shanghai")
    assert days["days"], days
    await till.is_refused("unknown_time_zone", "merchants.days", merchant=merchant, time_zone="Noodle/Town")
    await till.ask("merchants.pay_out", merchant=merchant, amount=view["available"], idempotency_key="evening")
    await till.is_refused("forbidden", "keys.list", merchant=merchant)
