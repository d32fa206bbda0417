"""Open deliveries: act on no frame before `open` has returned its event."""

import json
from base64 import b64encode, urlsafe_b64decode
from collections import deque
from collections.abc import Container
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Object = dict[str, Any]
# By key id, each with the roots it last signed: one check serves a whole batch.
Keys = dict[str, tuple[Ed25519PublicKey, deque[bytes]]]


class Refused(Exception):
    """A delivery fails the check that the exception names."""


def parse_keys(text: bytes) -> Keys:
    """Read the router's public keys, a JWK Set as `headgate key export` writes it."""
    keys: Keys = {}
    for jwk in json.loads(text)["keys"]:
        if jwk.get("crv") == "Ed25519":
            x = urlsafe_b64decode(jwk["x"] + "=")
            keys[jwk["kid"]] = Ed25519PublicKey.from_public_bytes(x), deque(maxlen=64)
    if not keys:
        raise ValueError("no Ed25519 key")
    return keys


def open(
    frames: list[bytes], keys: Keys, channels: Container[str], now: float
) -> tuple[Object, Object]:
    """Give header and event, or raise Refused with the first check that fails."""
    must(len(frames) == 5, "frames")
    header = read(frames[1], "frames", "id", "source", "channel", "kid")
    must(header.get("v") == 1 and type(header.get("exp")) is int, "frames")
    must(header["kid"] in keys, "kid")
    check_root(frames, header["kid"], *keys[header["kid"]])
    must(header["channel"] in channels, "channel")
    event = read(frames[2], "event", "specversion", "id", "source", "type")
    must(frames[0] == event["type"].encode(), "topic")
    must(header["id"] == event["id"], "identity")
    must(header["source"] == event["source"], "identity")
    must(int(now) <= header["exp"], "expired")
    return header, event


def check_root(
    frames: list[bytes], kid: str, key: Ed25519PublicKey, roots: deque[bytes]
) -> None:
    """Climb from the delivery's leaf to the root of its batch, which the key signed."""
    block = frames[4]
    index, size = int.from_bytes(block[1:5], "big"), int.from_bytes(block[5:9], "big")
    must(len(block) >= 73 and block[0] == 1 and index < size <= 256, "block")
    node, last, at = leaf(frames), size - 1, 73
    while last:  # a level of the tree, up to its root (RFC 9162, section 2.1.3)
        if index % 2 or index < last:  # else this node has no sibling
            sibling, at = block[at : at + 32], at + 32
            pair = sibling + node if index % 2 else node + sibling
            node = sha256(b"\1" + pair).digest()
        index, last = index // 2, last // 2
    must(at == len(block), "block")
    text = f"headgate.root.v1\n{kid}\n{size}\n{b64encode(node).decode()}\n".encode()
    if text not in roots:
        try:
            key.verify(block[9:73], text)
        except InvalidSignature:
            raise Refused("root") from None
        roots.append(text)


def leaf(frames: list[bytes]) -> bytes:
    parts = [b"headgate.delivery.v1", *frames[:4]]
    sized = [len(part).to_bytes(8, "little") + part for part in parts]
    pae = b"HGPAE1" + len(parts).to_bytes(8, "little") + b"".join(sized)
    return sha256(b"\0" + pae).digest()


def read(frame: bytes, check: str, *strings: str) -> Object:
    """Read a JSON object that every language reads alike, with these string members."""
    try:
        value = json.loads(frame.decode(), object_pairs_hook=unique)
        # What cannot be written again: lone surrogates, NaN, numbers beyond a double.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Refused(check) from None
    must(isinstance(value, dict), check)
    must(all(isinstance(value.get(name), str) for name in strings), check)
    return value


def unique(members: list[tuple[str, Any]]) -> Object:
    if len(dict(members)) < len(members):
        raise ValueError("a member name is repeated")
    return dict(members)


def must(holds: bool, check: str) -> None:
    if not holds:
        raise Refused(check)
