"""Does the server do what /openapi.json says? An evening over HTTP; then Schemathesis asks in every way that it knows.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/contract/check.py

As a diner, as a shop's owner, as a till, as the operator, as nobody, and as somebody who leaves. The same questions
each time: the seed is fixed. Whatever the server answers, it must be no failure of its own, and of a status, a content
type and a shape that the description knows. Every operation has to be asked, and done.
"""

import asyncio
import copy
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import evening
from caller import Http
from house import House
from receiver import Receiver
from stage import Stage

SEED = 20_240
# Whatever is not asked within so many seconds is not asked; starting and telling come on top. Each caller has a part.
SECONDS = int(os.environ.get("FANJU_CONTRACT_SECONDS", "30"))
EXAMPLES = 25
# As much as the server lets one caller ask: beyond, it would only say "too often".
RATE = "48/s"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Operations are asked in the order of the description that a caller is shown, each at least once.
CONFIGURATION = f"""
hooks = "{Path(__file__).resolve().parent / "fresh_keys.py"}"
[phases.examples]
fill-missing = true
operation-ordering = "none"
[phases.coverage]
operation-ordering = "none"
[phases.fuzzing]
operation-ordering = "none"
"""
# What people spend here takes no look at finger or face: they have only one each.
SETTINGS = {**evening.SETTINGS, "step_up_above_minor": 10**12}
# What Schemathesis asks, and the evening alone has done: a passkey has to sign, or a bill to wait for somebody.
BY_HAND = {"sign_up.finish", "sign_in.finish", "step_up.finish", "add_passkey.finish", "recovery.finish",
           "groups.confirm", "groups.refuse", "orders.cancel", "staff.add", "staff.remove"}


def described(description, part):
    """The document as a caller is shown it: requests name what there is, and each has an example that will do."""
    paths = {}
    for method in part.asks(description.operations):
        verb, path, operation = copy.deepcopy(description.operations[method])
        known, example = part.known(method), part.example(method)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = body.get("schema", {})
        fields = schema.get("properties", {})
        for name in fields.keys() & known.keys():
            fields[name] = {"enum": known[name]}
        for parameter in operation["parameters"]:
            if parameter["name"] in known:
                parameter["schema"] = {"enum": known[parameter["name"]]}
        required = {parameter["name"] for parameter in operation["parameters"] if parameter["required"]}
        said = (required | set(schema.get("required", [])) | known.keys()) & example.keys()
        if said >= required | set(schema.get("required", [])):
            for parameter in operation["parameters"]:
                if parameter["name"] in said:
                    parameter["example"] = example[parameter["name"]]
            if body:
                body["example"] = {name: example[name] for name in fields if name in said}
        paths.setdefault(path, {})[verb.lower()] = operation
    return {**description.document, "paths": paths}


def statuses(report, description):
    """What each operation was answered, as the report of a run has it."""
    methods = {f"{verb} {path}": method for method, (verb, path, _) in description.operations.items()}
    answered = defaultdict(set)
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for interaction in recorder.get("interactions", {}).values():
            if "response" in interaction:
                answered[methods[recorder["label"]]].add(interaction["response"]["status_code"])
    return answered


def examine(house, description, part, seconds):
    """Schemathesis as one caller: whether all is well, and what was answered. Without a limit, each example once."""
    document, report = house.folder / "openapi.json", house.folder / "report.ndjson"
    document.write_text(json.dumps(described(description, part)))
    (house.folder / "schemathesis.toml").write_text(CONFIGURATION)
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", str(document), "--url", house.url,
               "--checks", CHECKS, "--seed", str(SEED), "--max-examples", str(EXAMPLES), "--rate-limit", RATE,
               "--continue-on-failure", "--generation-database", "none", "--request-timeout", "30",
               "--suppress-health-check", "all", "--warnings", "off", "--no-color",
               "--report", "ndjson", "--report-ndjson-path", str(report)]
    if seconds:
        command += ["--phases", "examples,coverage,fuzzing", "--max-time", str(max(1, int(seconds * part.share)))]
    else:
        command += ["--phases", "examples"]
    if part.token:
        command += ["--header", f"Authorization: Bearer {part.token}"]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=house.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"\n=== {part.name}: {time.monotonic() - began:.0f} s\n{done.stdout}", flush=True)
    answered = statuses(report, description)
    print(f"{len(answered)} operations asked, {sum(200 in codes for codes in answered.values())} of them done")
    return done.returncode == 0, answered


async def holds_an_evening(house):
    """Whether an evening over HTTP keeps to the description, and everything is done there."""
    door = Http(house)
    await evening.plays(door, house)
    return door.description.tell({f"answer {method}" for method in door.description.operations})


async def answers_questions(house, receiver):
    """Whether Schemathesis finds nothing, as whomever; and by operation every status that it was answered."""
    door = Http(house)
    stage = await Stage.set_up(door, house, receiver)
    asked, wrong = {method: set() for method in door.description.operations}, []

    def to_do():
        return [method for method, codes in asked.items() if not codes or 200 not in codes and method not in BY_HAND]

    async def ask(part, seconds):
        is_good, answered = await asyncio.to_thread(examine, house, door.description, part, seconds)
        if not is_good:
            wrong.append(f"disagreement as {part.name}")
        for method, codes in answered.items():
            asked[method] |= codes

    for make_up in stage.parts:
        await ask(await make_up(), SECONDS)
    # What was not done for want of time is asked once more.
    if to_do():
        for make_up in stage.parts:
            part = await make_up()
            part.only = [method for method in part.asks(asked) if method in to_do()]
            if part.only:
                await ask(part, None)
    for line in [*wrong, *(f"{method}: never done, and answered {sorted(asked[method])}" for method in to_do())]:
        print(line)
    return door.description.tell(set()) and not wrong and not to_do(), asked


def main():
    house, receiver = House(**evening.SETTINGS), Receiver()
    try:
        is_kept = asyncio.run(holds_an_evening(house))
    finally:
        house.close()
    house = House(**SETTINGS)
    try:
        is_answered, asked = asyncio.run(answers_questions(house, receiver))
    finally:
        receiver.close()
        house.close()
    done = sum(200 in codes for codes in asked.values())
    print(f"{len(asked)} operations asked, all done at the evening, {done} by Schemathesis: "
          f"{'in agreement' if is_kept and is_answered else 'disagreement'}")
    return is_kept and is_answered


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
