"""Read the vectors of the wire contract by its text alone: digests, webhook signatures
and replies, for which a consumer needs no code. Go and JavaScript read them too."""

import hmac
import json
import re
import unittest
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headgate.digest import CORE, DATA, data_of, members
from tests.vectors import load

UNCOVERED = "dssematerial", "traceparent", "tracestate"  # a retry may change them

REPLAY_WINDOW = 300  # seconds
MAX_SIGNATURES = 4

MAX_REPLIES = 1000
LEASE = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")  # 16 bytes in their only spelling
STATUSES = "done", "progress", "retry", "failed"
ABSENT: dict[str, Any] = {
    **dict.fromkeys("id source lease status reason".split(), ""),
    "retry_after": 0.0,
    "goodbye": False,
}


class Events(unittest.TestCase):
    def test_digests(self) -> None:
        for vector in load("event.json"):
            if vector["outcome"] != "ok":
                continue
            with self.subTest(vector["name"]):
                texts = dict(members(b64decode(vector["raw_base64"]).decode()))
                data = data_of(texts)
                self.assertEqual(data, b64decode(vector.get("data_base64", "")))
                self.assertEqual(digest(texts, data), vector["digest"])

    def test_data_is_cut_out_exactly(self) -> None:
        for data in ('"}\\",{"', '{ "a" :[1, {"b":"]"}] }', "[]", "1.50e0", "false"):
            text = f' {{ "a":"{{" , "data" : {data} ,"b":1}}'
            with self.subTest(data):
                texts = dict(members(text))
                self.assertEqual(texts, {"a": '"{"', "data": data, "b": "1"})
                self.assertEqual(data_of(texts), data.encode())


class Webhooks(unittest.TestCase):
    def test_every_vector(self) -> None:
        for vector in load("webhook.json")["vectors"]:
            with self.subTest(vector["name"]):
                self.assertEqual(verifies(vector), vector["outcome"] == "accept")


class Replies(unittest.TestCase):
    def test_every_vector(self) -> None:
        for vector in load("delivery.json")["replies"]:
            with self.subTest(vector["name"]):
                self.assertEqual(len(replies(vector["frame"])), vector["good"])


def digest(texts: dict[str, str], data: bytes) -> str:
    """Compute the same-event digest: what null stands for is absent."""
    # The JSON text of an integer or a boolean is its canonical string.
    attributes = {
        name: json.loads(text) if text.startswith('"') else text
        for name, text in texts.items()
        if text != "null" and name not in (*DATA, *UNCOVERED)
    }
    fields = [attributes.pop(name, "") for name in CORE]
    extensions = [part for pair in sorted(attributes.items()) for part in pair]
    sealed = [b"headgate.event.v1", *map(str.encode, fields), data]
    return sha256(pae(*sealed, *map(str.encode, extensions))).hexdigest()


def pae(*parts: bytes) -> bytes:
    sized = [len(part).to_bytes(8, "little") + part for part in parts]
    return b"HGPAE1" + len(parts).to_bytes(8, "little") + b"".join(sized)


def verifies(request: dict[str, Any]) -> bool:
    """Judge one request's webhook headers, with one key, at the time now."""
    id, timestamp = request["id"], request["timestamp"]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", id):
        return False
    if not re.fullmatch(r"[1-9][0-9]{9}", timestamp):
        return False
    if abs(request["now"] - int(timestamp)) > REPLAY_WINDOW:
        return False
    content = f"{id}.{timestamp}.".encode() + b64decode(request["body"])
    key = b64decode(request["key"].partition("_")[2])
    hmac_key = request["kind"] == "hmac"
    version, fits = ("v1", is_mac) if hmac_key else ("v1a", is_signature)
    for entry in request["signature"].split(" ")[:MAX_SIGNATURES]:
        prefix, _, text = entry.partition(",")
        if prefix == version and fits(key, content, strict(text)):
            return True
    return False


def is_mac(secret: bytes, content: bytes, mac: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(secret, content, "sha256"), mac)


def is_signature(public: bytes, content: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def strict(text: str) -> bytes:
    """Decode base64 in its only spelling; another gives nothing, which never fits."""
    try:
        raw = b64decode(text)
    except ValueError:
        return b""
    return raw if b64encode(raw).decode() == text else b""


def replies(frame: str) -> list[dict[str, Any]]:
    """Give the good replies of one frame: a reply, or an array of them."""
    try:
        value = json.loads(frame, parse_int=float)
    except ValueError:
        return []
    batch = value if isinstance(value, list) else [value]
    return [r for r in batch if is_reply(r)] if len(batch) <= MAX_REPLIES else []


def is_reply(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    reply = ABSENT | {name: v for name, v in value.items() if v is not None}
    if any(type(reply[name]) is not type(ABSENT[name]) for name in ABSENT):
        return False
    leaves = reply["goodbye"] and not reply["status"]
    if leaves and not reply["lease"]:
        return True
    if not (reply["id"] and reply["source"] and LEASE.fullmatch(reply["lease"])):
        return False
    return leaves or (reply["status"] in STATUSES and reply["retry_after"] >= 0)
