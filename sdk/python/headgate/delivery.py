"""Open deliveries: act on no frame before `open` has returned its event."""

import json
from base64 import b64encode, urlsafe_b64decode
from collections import deque
from collections.abc import Container, Sequence
from hashlib import sha256
from typing import cast

from headgate.reading import Object, Refused, must, read

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError as error:
    raise ImportError(
        "to verify deliveries headgate needs cryptography: "
        "apt install python3-cryptography, or pip install cryptography"
    ) from error

__all__ = ["Keys", "Object", "Refused", "leaf", "open", "parse_keys"]

# By key id, each with the roots it last signed: one check serves a whole batch.
Keys = dict[str, tuple[Ed25519PublicKey, deque[bytes]]]

# Roots that are remembered of one key. It is part of the wire contract.
MAX_ROOTS = 64
# Deliveries under one signature. It is part of the wire contract.
MAX_TREE = 256


def parse_keys(text: bytes) -> Keys:
    """Read the router's public keys, a JWK Set as `headgate key export` writes it.

    Keys of other kinds are passed over. It raises ValueError when none is left.
    """
    keys: Keys = {}
    try:
        for jwk in cast(list[Object], json.loads(text)["keys"]):
            if jwk.get("crv") == "Ed25519":
                x = urlsafe_b64decode(jwk["x"] + "=")
                key = Ed25519PublicKey.from_public_bytes(x)
                keys[jwk["kid"]] = key, deque(maxlen=MAX_ROOTS)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"not a JWK Set of router keys: {fault!r}") from None
    if not keys:
        raise ValueError("no Ed25519 key")
    return keys


def open(
    frames: Sequence[bytes], keys: Keys, channels: Container[str], now: float
) -> tuple[Object, Object]:
    """Give header and event, or raise Refused with the first check that fails.

    now is in seconds since 1970.
    """
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
    frames: Sequence[bytes], kid: str, key: Ed25519PublicKey, roots: deque[bytes]
) -> None:
    """Climb from the delivery's leaf to the root of its batch, which the key signed."""
    block = frames[4]
    index, size = int.from_bytes(block[1:5], "big"), int.from_bytes(block[5:9], "big")
    must(len(block) >= 73 and block[0] == 1 and index < size <= MAX_TREE, "block")
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


def leaf(frames: Sequence[bytes]) -> bytes:
    """Hash the first four frames, a leaf of the tree (RFC 6962, section 2.1)."""
    parts = [b"headgate.delivery.v1", *frames[:4]]
    sized = [len(part).to_bytes(8, "little") + part for part in parts]
    pae = b"HGPAE1" + len(parts).to_bytes(8, "little") + b"".join(sized)
    return sha256(b"\0" + pae).digest()
