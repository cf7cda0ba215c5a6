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
# For each caller; whatever is not asked then is not asked. Checks and shrinking come on top.
SECONDS = int(os.environ.get("FANJU_CONTRACT_SECONDS", "22"))
EXAMPLES = 12
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# What would end the caller's session or empty the stage for everything that is asked afterwards.
LEFT_OUT = ["sign_out", "wallets.close", "wallets.freeze", "groups.close"]


def ask(url, token, *, body=None, key=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(url, headers=headers, data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def stage(url):
    """A table of two with a paid bill: questions about real things reach further than questions about nothing."""
    cast = ask(f"{url}/demo/cast", "-")
    host, guest = cast["diners"][:2]
    merchant = cast["merchant"]
    group = ask(f"{url}/v1/groups", host["token"], key="open",
                body={"name": "Dinner", "host": host["wallet"], "cap": 50_000})["group"]
    link = ask(f"{url}/v1/groups/{group}/links", host["token"], body={"by": host["wallet"]})["link"]
    ask(f"{url}/v1/groups/{group}/members", guest["token"], key="join",
        body={"wallet": guest["wallet"], "cap": 50_000, "link": link})
    code = ask(f"{url}/v1/groups/{group}/codes", host["token"], body={"by": host["wallet"]})["code"]
    ask(f"{url}/v1/merchants/{merchant['merchant']}/orders", merchant["token"], key="scan",
        body={"order_no": "A-1", "total": 5_000, "code": code})
    known = {"wallet": host["wallet"], "group": group, "merchant": merchant["merchant"]}
    return {"a diner": (host["token"], known), "the shop's owner": (merchant["token"], known), "nobody": (None, {})}


def examine(house, caller, token, known):
    """Schemathesis as one caller; `known` stands in for ids in paths."""
    config = house.folder / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items()))
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run", f"{house.url}/openapi.json",
               "--checks", CHECKS, "--seed", str(SEED), "--max-examples", str(EXAMPLES), "--max-time", str(SECONDS),
               "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--generation-database", "none",
               "--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off", "--no-color"]
    for name in LEFT_OUT:
        command += ["--exclude-operation-id", name]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"\n=== {caller}: {time.monotonic() - began:.0f} s\n{done.stdout}", flush=True)
    return done.returncode == 0


def main():
    house = House(demo=True, attempts_per_minute=4_000_000, session_requests_per_second=4_000_000)
    try:
        answers = {caller: examine(house, caller, *how) for caller, how in stage(house.url).items()}
    finally:
        house.close()
    wrong = [caller for caller, good in answers.items() if not good]
    print(f"asked as {', '.join(answers)}: {'in agreement' if not wrong else 'disagreement as ' + ', '.join(wrong)}")
    return not wrong


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
