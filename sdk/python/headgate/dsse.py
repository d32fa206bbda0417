"""Trust producers: act on nothing but what `signed` gives of an opened delivery."""

import json
from base64 import urlsafe_b64decode
from typing import Any, cast

from headgate.digest import (
    CORE,
    DATA,
    MATERIAL,
    MAX_MATERIAL,
    TYPE,
    core_digest,
    decode,
    extensions_digest,
    pae,
    signable,
)
from headgate.reading import Object, Refused, must, read

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
except ImportError as error:
    raise ImportError(
        "to verify producers headgate needs cryptography: "
        "apt install python3-cryptography, or pip install cryptography"
    ) from error

__all__ = ["Key", "Producers", "Refused", "fits", "parse_producers", "signed"]

Key = Ed25519PublicKey | ec.EllipticCurvePublicKey
Producers = list[tuple[list[str], str, Key]]  # segments of a source, keyid, key

# Each may cost one check for every key of the source.
MAX_SIGNATURES = 4


def parse_producers(text: bytes) -> Producers:
    """Read who may sign for which source, for each pattern a JWK Set.

    `headgate key export --producers` writes it. It raises ValueError for a text that
    breaks a rule anywhere, and for one that names nobody.
    """
    producers: Producers = []
    try:
        for source, jwks in cast(dict[str, Any], json.loads(text)).items():
            sources = source.split("/")
            if any("*" in s and s != "*" for s in sources[:-1]) or (
                "*" in sources[-1] and sources[-1] not in ("*", "**")
            ):
                raise ValueError(f"{source}: * is a whole segment, ** the last one")
            for jwk in cast(list[Object], jwks["keys"]) or [{}]:
                producers.append((sources, jwk.get("kid", ""), load_key(jwk)))
                if not producers[-1][1]:
                    raise ValueError(f"{source}: a key without kid")
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"not a JWK Set for each pattern: {fault!r}") from None
    if not producers:
        raise ValueError("nobody could sign an event")
    return producers


def load_key(jwk: Object) -> Key:
    if jwk.get("crv") not in ("P-256", "Ed25519") or "d" in jwk:
        raise ValueError("a key of producers is public, and P-256 or Ed25519")
    x, *y = (urlsafe_b64decode(jwk[k] + "=") for k in ("x", "y") if k in jwk)
    if jwk["crv"] == "Ed25519":
        return Ed25519PublicKey.from_public_bytes(x)
    point = b"\4" + x + b"".join(y)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def signed(header: Object, raw: bytes, event: Object, producers: Producers) -> Object:
    """Give of an opened delivery what its producer has signed, or raise Refused.

    raw is the third frame, which event was read from.
    """
    must(header.get("transforms") in (None, []), "transformed")
    core = [event.get(name) for name in CORE]
    must(all(v is None or isinstance(v, str) and v != "" for v in core), "event")
    must(not all(name in event for name in DATA), "event")
    must(event.get(MATERIAL) not in (None, ""), "dsse_absent")
    material = read_material(event[MATERIAL], event["source"], producers)
    sealed = core_digest(event, raw.decode())
    must(sealed == decode(material["core"], 32), "dsse_core_mismatch")
    names = cast(list[str], material.get("signedextattrs", []))
    if names:
        sealed = extensions_digest(event, names)
        must(sealed == decode(material["ext"], 32), "dsse_extensions_mismatch")
    kept = {*CORE, *DATA, *names, MATERIAL}
    return {name: value for name, value in event.items() if name in kept}


def read_material(value: Any, source: str, producers: Producers) -> Object:
    """Give what is signed, once a key of the source has verified that it is."""
    must(isinstance(value, str) and len(value) <= MAX_MATERIAL, "dsse_malformed")
    must("-" not in value and "_" not in value, "dsse_malformed")
    envelope = read(decode(value), "dsse_malformed", "payload", "payloadType")
    signatures = envelope.get("signatures", [])
    must(isinstance(signatures, list), "dsse_malformed")
    must(1 <= len(signatures) <= MAX_SIGNATURES, "dsse_malformed")
    parsed = [read_signature(one) for one in signatures]
    payload = decode(envelope["payload"])
    must(envelope["payloadType"] == TYPE, "dsse_payload_type")
    tries = [
        verifies(key, sig, pae(payload))
        for keyid, sig in parsed
        for sources, kid, key in producers
        if keyid in ("", kid) and fits(sources, source.split("/"))
    ]
    must(bool(tries), "dsse_no_key")
    must(any(tries), "dsse_signature_mismatch")
    return check_material(read(payload, "dsse_malformed", "core"))


def read_signature(one: Any) -> tuple[str, bytes]:
    must(isinstance(one, dict), "dsse_malformed")
    keyid = one.get("keyid", "")
    must(isinstance(keyid, str), "dsse_malformed")
    return keyid, decode(one.get("sig"))


def check_material(material: Object) -> Object:
    decode(material["core"], 32)
    must(("ext" in material) == ("signedextattrs" in material), "dsse_malformed")
    if "ext" in material:
        names = material["signedextattrs"]
        decode(material["ext"], 32)
        must(isinstance(names, list), "dsse_malformed")
        must(all(isinstance(name, str) for name in names), "dsse_malformed")
        must(signable(names), "dsse_signed_attributes")
    return material


def verifies(key: Key, sig: bytes, content: bytes) -> bool:
    if len(sig) != 64:
        return False
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(sig, content)
        else:
            r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
            key.verify(encode_dss_signature(r, s), content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def fits(pattern: list[str], source: list[str]) -> bool:
    """Match segments: * is any one, ** at the end any rest of at least one."""
    if pattern[-1] == "**" and len(source) >= len(pattern):
        pattern, source = pattern[:-1], source[: len(pattern) - 1]
    return len(pattern) == len(source) and all(
        want in ("*", got) for want, got in zip(pattern, source, strict=True)
    )
