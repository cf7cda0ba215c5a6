"""People: how they come, with a passkey, what they have to come back with, and how they go."""

from uuid import uuid4

from passkey import Passkey

# Of nobody: the example of GB 11643-1999.
ID_NUMBER = "11010519491231002X"


class Person:
    """Somebody who is signed in."""

    def __init__(self, caller, passkey, session):
        self.passkey, self.token, self.me = passkey, session["token"], session["me"]
        self.id, self.wallet = self.me["person"]["id"], self.me["wallets"][0]["wallet"]
        self.caller, self.ask, self.is_refused, self.hears = caller, caller.ask, caller.is_refused, caller.hears

    async def looks(self):
        """Shows finger or face once more."""
        begun = await self.ask("step_up.begin")
        await self.ask("step_up.finish", ceremony=begun["ceremony"], credential=self.passkey.get(begun["options"]))


async def sign_up(door, name):
    """Somebody new, who has just looked."""
    passkey, nobody = Passkey(door.origin), await door.enter()
    begun = await nobody.ask("sign_up.begin", name=name)
    session = await nobody.ask("sign_up.finish", ceremony=begun["ceremony"], device="phone",
                               credential=passkey.create(begun["options"]))
    await nobody.leave()
    person = Person(await door.enter(session["token"]), passkey, session)
    await person.looks()
    return person


async def sign_in(door, passkey):
    """The same person on one more device."""
    nobody = await door.enter()
    begun = await nobody.ask("sign_in.begin")
    session = await nobody.ask("sign_in.finish", ceremony=begun["ceremony"], credential=passkey.get(begun["options"]))
    await nobody.leave()
    return Person(await door.enter(session["token"]), passkey, session)


async def ceremonies(door):
    """What is no passkey's answer, or to nothing that was asked."""
    dan, nobody = await sign_up(door, "Dan"), await door.enter()
    for caller, rooms in (nobody, ["sign_up", "sign_in", "recovery"]), (dan, ["step_up", "add_passkey"]):
        for room in rooms:
            await caller.is_refused("ceremony_over", f"{room}.finish", ceremony=str(uuid4()), credential={})
    begun = await nobody.ask("sign_in.begin")
    await nobody.is_refused("credential_malformed", "sign_in.finish", ceremony=begun["ceremony"], credential={})
    begun, other = await nobody.ask("sign_in.begin"), await nobody.ask("sign_in.begin")
    await nobody.is_refused("passkey_refused", "sign_in.finish", ceremony=begun["ceremony"],
                            credential=dan.passkey.get(other["options"]))
    await nobody.leave()


async def comes_and_goes(door):
    """Devices, passkeys and recovery codes of one person, who loses them all and comes back."""
    eve = await sign_up(door, "Eve")
    assert (await eve.ask("me"))["person"]["name"] == "Eve"
    await eve.ask("me.verify", name="Eve", id_number=ID_NUMBER)
    await eve.is_refused("id_number_wrong", "me.verify", name="Eve", id_number="1")

    tablet = await sign_in(door, eve.passkey)
    devices = (await eve.ask("devices.list"))["devices"]
    assert [device["current"] for device in devices] == [True, False], devices
    await eve.ask("devices.revoke", device=tablet.me["device"])
    await tablet.caller.is_out()
    await eve.is_refused("unknown_device", "devices.revoke", device=tablet.me["device"])

    spare = Passkey(door.origin)
    begun = await eve.ask("add_passkey.begin")
    added = await eve.ask("add_passkey.finish", ceremony=begun["ceremony"], label="key",
                          credential=spare.create(begun["options"]))
    await eve.is_refused("step_up_required", "passkeys.remove", passkey=added["passkey"])
    await eve.looks()
    await eve.ask("passkeys.remove", passkey=added["passkey"])
    passkeys = (await eve.ask("passkeys.list"))["passkeys"]
    assert len(passkeys) == 1, passkeys
    await eve.looks()
    await eve.is_refused("last_passkey", "passkeys.remove", passkey=passkeys[0]["passkey"])
    codes = (await eve.ask("recovery_codes.make"))["codes"]

    nobody, new = await door.enter(), Passkey(door.origin)
    await nobody.is_refused("recovery_refused", "recovery.begin", name="Dan", code=codes[0])
    begun = await nobody.ask("recovery.begin", name="Eve", code=codes[0])
    session = await nobody.ask("recovery.finish", ceremony=begun["ceremony"], credential=new.create(begun["options"]))
    await nobody.leave()
    back = Person(await door.enter(session["token"]), new, session)
    assert (await back.ask("recovery_codes.get"))["left"] == len(codes) - 1
    again = await sign_in(door, new)
    await again.ask("sign_out")
    await again.caller.is_out()
    await back.ask("me")
    await eve.caller.is_out()
