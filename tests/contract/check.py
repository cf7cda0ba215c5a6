"""Does the server do what /openapi.json says? Schemathesis asks everything, in every way that it can think of.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/contract/check.py

As a diner, as a shop's owner, and as nobody. The same questions each time: the seed is fixed. Whatever the
server answers, it must be no failure of its own, and of a status, a content type and a shape that the
description knows.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "browser"))

from house import House  # noqa: E402

SEED = 20_240
# Whatever is not asked within so many seconds is not asked; starting and telling come on top.
SECONDS = int(os.environ.get("FANJU_CONTRACT_SECONDS", "30"))
EXAMPLES = 25
# As much as the server lets one caller ask: beyond, it would only say "too often".
RATE = "48/s"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# What would end the caller's session or empty the stage for everything that is asked afterwards.
LEFT_OUT = ["sign_out", "devices.revoke", "wallets.close", "wallets.freeze", "groups.close", "groups.leave", "groups.lock"]


def ask(url, token=None, *, body=None, key=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if key:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(url, headers=headers, data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def stage(url):
    """A table of two with a paid bill, and who is on it: questions about real things reach further."""
    cast = ask(f"{url}/demo/cast")
    host, guest, other = cast["diners"][:3]
    merchant = cast["merchant"]
    group = ask(f"{url}/v1/groups", host["token"], key="open",
                body={"name": "Dinner", "host": host["wallet"], "cap": 50_000})["group"]
    link = ask(f"{url}/v1/groups/{group}/links", host["token"], body={"by": host["wallet"]})["link"]
    ask(f"{url}/v1/groups/{group}/members", guest["token"], key="join",
        body={"wallet": guest["wallet"], "cap": 50_000, "link": link})
    code = ask(f"{url}/v1/groups/{group}/codes", host["token"], body={"by": host["wallet"]})["code"]
    ask(f"{url}/v1/merchants/{merchant['merchant']}/orders", merchant["token"], key="scan",
        body={"order_no": "A-1", "total": 5_000, "code": code})
    wallet = host["wallet"]
    person = ask(f"{url}/v1/me", guest["token"])["person"]["id"]
    known = {
        "wallet": [wallet], "host": [wallet], "by": [wallet], "to": [guest["wallet"]], "diner": [wallet, guest["wallet"]],
        "group": [group], "merchant": [merchant["merchant"]], "order_no": ["A-1", "A-2"], "link": [link], "person": [person],
        "currency": ["CNY", "JPY"], "amount": [1, 100, 5_000], "cap": [100, 50_000],
    }
    return {"a diner": (host["token"], known), "the shop's owner": (merchant["token"], known), "nobody": (None, {})}


def described(url, known):
    """The description, in which requests name what there is; answers are described as before."""
    document = ask(f"{url}/openapi.json")
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in known:
                    parameter["schema"] = {"enum": known[parameter["name"]]}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for name in body.get("properties", {}).keys() & known.keys():
                body["properties"][name] = {"enum": known[name]}
    return document


def examine(house, caller, token, known):
    """Schemathesis as one caller."""
    description = house.folder / "openapi.json"
    description.write_text(json.dumps(described(house.url, known)))
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", str(description), "--url", house.url,
               "--checks", CHECKS, "--seed", str(SEED), "--max-examples", str(EXAMPLES), "--rate-limit", RATE,
               "--max-time", str(SECONDS if token else SECONDS // 3), "--phases", "coverage,fuzzing", "--continue-on-failure",
               "--generation-database", "none", "--request-timeout", "30", "--suppress-health-check", "all",
               "--warnings", "off", "--no-color"]
    for name in LEFT_OUT:
        command += ["--exclude-operation-id", name]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    began = time.monotonic()
    done = subprocess.run(command, cwd=house.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"\n=== {caller}: {time.monotonic() - began:.0f} s\n{done.stdout}", flush=True)
    return done.returncode == 0


def main():
    house = House(demo=True)
    try:
        answers = {caller: examine(house, caller, *how) for caller, how in stage(house.url).items()}
    finally:
        house.close()
    wrong = [caller for caller, good in answers.items() if not good]
    print(f"asked as {', '.join(answers)}: {'in agreement' if not wrong else 'disagreement as ' + ', '.join(wrong)}")
    return not wrong


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
