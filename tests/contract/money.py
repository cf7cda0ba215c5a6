"""Wallets: money in, out and from one to another, and a wallet's own end."""


async def moves(ana, bo):
    """Everything that somebody does with wallets."""
    wallet = ana.wallet
    await ana.hears("wallet", wallet)
    await ana.is_refused("forbidden", "wallets.get", wallet=bo.wallet)
    await ana.is_refused("bad_request", "wallets.get", wallet="mine", described=True)
    await ana.is_refused("idempotency_key_required", "wallets.top_up", wallet=wallet, amount=500, described=True)
    await ana.is_refused("wallet_refused", "wallets.withdraw", wallet=wallet, amount=500, idempotency_key="early")
    top_up = {"wallet": wallet, "amount": 50_000, "idempotency_key": "in"}
    await ana.ask("wallets.top_up", **top_up)
    assert (await ana.ask("wallets.top_up", **top_up))["replayed"]
    await ana.is_refused("idempotency_key_reused", "wallets.top_up", **{**top_up, "amount": 1})
    await ana.ask("wallets.transfer", wallet=wallet, to=bo.wallet, amount=20_000, note="lunch", idempotency_key="gift")
    await ana.ask("wallets.withdraw", wallet=wallet, amount=500, idempotency_key="out")
    assert (await ana.ask("wallets.get", wallet=wallet))["available"] == 29_500
    more = {"wallet": wallet, "from": (await ana.ask("wallets.statement", wallet=wallet, limit=2))["next"]}
    assert (await ana.ask("wallets.statement", **more))["events"]
    await ana.is_refused("unknown_position", "wallets.statement", **{**more, "from": more["from"] + 1})

    spare = (await ana.ask("wallets.open", currency="JPY"))["wallet"]
    await ana.hears("wallet", spare)
    await ana.ask("wallets.freeze", wallet=spare)
    await ana.ask("wallets.thaw", wallet=spare)
    await ana.ask("wallets.close", wallet=spare)
