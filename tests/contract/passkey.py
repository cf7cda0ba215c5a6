"""A browser with a passkey in it, in software. Its secrets guard nothing: the arithmetic takes its time as it comes."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

# NIST P-256. Source: SEC 2, version 2, section 2.4.2.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = -3
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

# Flags of authenticator data. Source: W3C Web Authentication level 3, section 6.1.
PRESENT, VERIFIED, HAS_CREDENTIAL = 0x01, 0x04, 0x40


def plus(one, other):
    """The sum of two points of the curve; nothing is its zero."""
    if not one or not other:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    slope = ((3 * one[0] ** 2 + A) * pow(2 * one[1], -1, P) if one == other
             else (other[1] - one[1]) * pow(other[0] - one[0], -1, P))
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(factor, point):
    product = None
    while factor:
        if factor & 1:
            product = plus(product, point)
        factor, point = factor >> 1, plus(point, point)
    return product


def der(*numbers):
    """A sequence of integers, each with its sign. Source: ITU-T X.690."""
    fields = b""
    for number in numbers:
        field = number.to_bytes(number.bit_length() // 8 + 1, "big")
        fields += bytes([2, len(field)]) + field
    return bytes([0x30, len(fields)]) + fields


def encode(text):
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def decode(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Passkey:
    """One credential of the site at `origin`, and the browser that shows it."""

    def __init__(self, origin):
        self.origin, self.site = origin, origin.split("//")[1].split(":")[0]
        self.secret, self.id = 1 + secrets.randbelow(N - 1), secrets.token_bytes(32)
        self.user, self.counter = b"", 0

    def create(self, options):
        """`navigator.credentials.create(options)`"""
        options = options["publicKey"]
        self.user = decode(options["user"]["id"])
        x, y = (number.to_bytes(32, "big") for number in times(self.secret, G))
        # {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y} (RFC 9053).
        key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y
        data = self._data(HAS_CREDENTIAL) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + key
        # {"fmt": "none", "attStmt": {}, "authData": data} in CBOR (RFC 8949).
        made = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59" + len(data).to_bytes(2, "big") + data
        client = self._client("create", options)
        return self._answer({"attestationObject": encode(made), "clientDataJSON": encode(client)},
                            {"credProps": {"rk": True}})

    def get(self, options):
        """`navigator.credentials.get(options)`"""
        client = self._client("get", options["publicKey"])
        self.counter += 1
        data = self._data(0)
        return self._answer({"authenticatorData": encode(data), "clientDataJSON": encode(client),
                             "signature": encode(self._sign(data + hashlib.sha256(client).digest())),
                             "userHandle": encode(self.user)}, {})

    def _sign(self, message):
        """Source: FIPS 186-5, section 6.4.1."""
        digest, once = int.from_bytes(hashlib.sha256(message).digest(), "big"), 1 + secrets.randbelow(N - 1)
        r = times(once, G)[0] % N
        return der(r, pow(once, -1, N) * (digest + r * self.secret) % N)

    def _data(self, flags):
        flags = bytes([flags | PRESENT | VERIFIED])
        return hashlib.sha256(self.site.encode()).digest() + flags + self.counter.to_bytes(4, "big")

    def _client(self, kind, options):
        return json.dumps({"type": f"webauthn.{kind}", "challenge": options["challenge"], "origin": self.origin,
                           "crossOrigin": False}).encode()

    def _answer(self, response, extensions):
        return {"id": encode(self.id), "rawId": encode(self.id), "type": "public-key", "response": response,
                "clientExtensionResults": extensions}
