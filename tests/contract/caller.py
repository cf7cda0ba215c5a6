"""HTTP: callers whose every request and answer is held against the description."""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request

from description import NOTHING, WITHIN, OpenApi


class Http:
    """The door: who comes in sends a token with each request, or none."""

    def __init__(self, house):
        self.origin, self.description = house.url, OpenApi(house)
        self.url = f"http://127.0.0.1:{house.port}"

    async def enter(self, token=None):
        return Caller(self, token)


class Caller:
    """Somebody who asks."""

    def __init__(self, door, token):
        self.url, self.description, self.token = door.url, door.description, token

    def _said(self, method, params, what):
        """The request; each part is shown to `what` with its schema."""
        verb, path, operation = self.description.operations[method]
        headers, query = {}, {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        said = dict(params)
        for parameter in operation["parameters"]:
            name = "idempotency_key" if parameter["in"] == "header" else parameter["name"]
            if name not in said:
                if parameter["required"]:
                    what(None, NOTHING)
                continue
            value = said.pop(name)
            what(value, parameter["schema"])
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", urllib.parse.quote(str(value), safe=""))
            elif parameter["in"] == "header":
                headers[parameter["name"]] = value
            else:
                query[name] = value
        body = None
        if "requestBody" in operation:
            headers["Content-Type"], body = "application/json", json.dumps(said).encode()
            what(said, operation["requestBody"]["content"]["application/json"]["schema"])
        else:
            assert not said, f"{method}: nowhere to put {said}"
        url = f"{self.url}{path}{'?' if query else ''}{urllib.parse.urlencode(query)}"
        return urllib.request.Request(url, method=verb, headers=headers, data=body)

    async def _say(self, method, request):
        def answered():
            try:
                with urllib.request.urlopen(request, timeout=WITHIN) as answer:
                    return answer.status, answer.headers.get_content_type(), json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.headers.get_content_type(), json.load(error)

        status, content_type, body = await asyncio.to_thread(answered)
        schema = self.description.answer(self.description.operations[method][2], status, content_type)
        return status, body, schema or NOTHING

    async def ask(self, method, /, **params):
        """What is answered to a request that has to be done."""
        request = self._said(method, params, lambda value, schema:
                             self.description.holds(f"request {method}", value, schema))
        status, body, schema = await self._say(method, request)
        assert status == 200, f"{method} {params}: {body}"
        self.description.holds(f"answer {method}", body, schema)
        return body

    async def is_refused(self, code, method, /, *, described=False, **params):
        """Holds the request to be refused with `code`; and if that is `described`, by the document as well."""
        fit = []
        request = self._said(method, params, lambda value, schema:
                             fit.append(self.description.fits(value, schema)))
        status, body, schema = await self._say(method, request)
        assert (body["code"], body["status"]) == (code, status), f"{method} {params}: {status} {body}"
        self.description.holds(f"refusal {code}", body, schema)
        if described and all(fit):
            self.description.wrong.append(f"request {method}: refused by the server alone")

    async def hears(self, kind, subject):
        """Over HTTP nobody listens."""

    async def is_out(self):
        """Holds the token to be over."""
        await self.is_refused("not_signed_in", "me")

    async def leave(self):
        """Nothing is open."""
