"""A description that the server gives of itself, and what was held against it."""

import json
import sys
import urllib.request
from pathlib import Path

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

WITHIN = 30
# What AsyncAPI publishes of itself, beside the folder of this Python.
ASYNCAPI_SCHEMAS = Path(sys.prefix).parent / "node_modules/@asyncapi/specs/schemas"
# What nothing fits.
NOTHING = {"not": {}}


class Description:
    """One document. Whatever is held against it is seen, and wrong if it does not fit."""

    def __init__(self, house):
        with urllib.request.urlopen(f"{house.url}{self.PATH}", timeout=WITHIN) as answer:
            self.document = json.load(answer)
        self.seen, self._schemas = set(), {}
        self.wrong = [f"the document itself: {error}" for error in self._own_errors()]

    def fits(self, value, schema):
        return self._validator(schema).is_valid(value)

    def holds(self, what, value, schema):
        for error in self._validator(schema).iter_errors(value):
            self.wrong.append(f"{what}: {list(error.instance_path)}: {error.message[:200]}")
        self.seen.add(what)

    def refuses(self, what, value, schema):
        """What the server demands, the document does too."""
        if self.fits(value, schema):
            self.wrong.append(f"{what}: refused by the server alone")

    def _validator(self, schema):
        validator = self._schemas.get(id(schema))
        if not validator:
            whole = {**schema, "components": self.document["components"]}
            # The schema is kept as well, so that no other takes its place in memory.
            validator = self._schemas[id(schema)] = (
                jsonschema_rs.Draft202012Validator(whole, validate_formats=True), schema)
        return validator[0]

    def tell(self, unseen):
        """Prints what is wrong, and what has to be seen and was not; whether all is well."""
        never = [f"{what}: never came" for what in sorted(unseen - self.seen)]
        for line in [*self.wrong, *never]:
            print(line)
        return not self.wrong and not never


class AsyncApi(Description):
    """The live channel's."""

    PATH = "/asyncapi.json"

    def _own_errors(self):
        """What its specification's schema says against it."""
        schema = json.loads((ASYNCAPI_SCHEMAS / f"{self.document['asyncapi']}-without-$id.json").read_text())
        for error in jsonschema_rs.validator_for(schema).iter_errors(self.document):
            yield f"{list(error.instance_path)}: {error.message[:200]}"

    def __init__(self, house):
        super().__init__(house)
        self.live = self.document["channels"]["live"]
        messages = self.live["messages"]
        method = {name: message.get("payload", {}).get("properties", {}).get("method", {}).get("const")
                  for name, message in messages.items()}
        asked = [name for name in messages if f"answer_{name}" in messages]
        self.requests = {method[name]: messages[name]["payload"] for name in asked}
        self.answers = {method[name]: messages[f"answer_{name}"]["payload"] for name in asked}
        self.pushes = {
            method[name]: message["payload"] for name, message in messages.items() if name.startswith("push_")}
        self.error = messages["error"]["payload"]
        kinds = self.document["components"]["schemas"]["Event"]["oneOf"]
        self.events = {kind["properties"]["type"]["const"] for kind in kinds}
        self.closings = {close["code"] for close in self.live["x-close-codes"]}


class OpenApi(Description):
    """What is asked over HTTP."""

    PATH = "/openapi.json"

    def _own_errors(self):
        """What its specification says against it: the schema, references, and parameters of paths."""
        for error in OpenAPIV31SpecValidator(self.document).iter_errors():
            yield f"{list(error.absolute_path)}: {error.message[:200]}"

    def __init__(self, house):
        super().__init__(house)
        self.operations = {
            operation["operationId"]: (verb.upper(), path, operation)
            for path, verbs in self.document["paths"].items() for verb, operation in verbs.items()}

    def answer(self, operation, status, content_type):
        """The schema of what is answered with this status, as this type; nothing if none is described."""
        responses = operation["responses"]
        response = responses.get(str(status)) or responses.get(f"{status // 100}XX") or responses.get("default", {})
        while reference := response.get("$ref"):
            response = self.document
            for step in reference.removeprefix("#/").split("/"):
                response = response[step]
        return response.get("content", {}).get(content_type, {}).get("schema")
