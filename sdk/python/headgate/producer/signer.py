"""Sign events end to end, for consumers that ask for their producer's word."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.digest import (
    MATERIAL,
    MAX_MATERIAL,
    TYPE,
    core_digest,
    extensions_digest,
    members,
    pae,
    signable,
)
from headgate.producer.credential import decoded
from headgate.producer.event import text_of
from headgate.reading import Object, Refused

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )
except ImportError as error:
    raise ImportError(
        "to sign with keys headgate needs cryptography: "
        "apt install python3-cryptography, or pip install cryptography"
    ) from error

Key = ec.EllipticCurvePrivateKey | Ed25519PrivateKey

WANTED = "a key that signs events is P-256 (ES256) or Ed25519"



class EventSigner:
    """Signs events with one key, once each (CloudEvents DSSE v0.1).

    key is on P-256 (ES256) or Ed25519: a private key of cryptography, PKCS #8 in PEM,
    or whsk_..; key_id what verifiers know it by. Besides core attributes and data a
    signature covers these extensions, and that those of them that an event does not
    have are absent; what it does not cover, verifiers take away.
    """

    def __init__(
        self, key: Key | str | bytes, key_id: str, extensions: Sequence[str] = ()
    ) -> None:
        self.key, self.key_id = event_key(key), key_id
        self.extensions = list(extensions)
        if self.extensions and not signable(self.extensions):
            raise ValueError(
                f"cannot sign {self.extensions}: want names of extensions, each once"
            )

    def sign(self, event: Mapping[str, Any] | bytes | str) -> bytes:
        """Give the event's text with a signature, in place of one it may have.

        Its data stays as it is, to the byte. It raises SendError for an event that no
        router would take, and ValueError for one that cannot be signed.
        """
        text, read = text_of(event)
        for name in self.extensions:
            if read.get(name) == "":
                raise ValueError(f"extension {name} is empty: leave it out")
        try:
            material: Object = {"core": b64(core_digest(read, text))}
            if self.extensions:
                material["ext"] = b64(extensions_digest(read, self.extensions))
                material["signedextattrs"] = self.extensions
        except Refused:
            raise ValueError("its time cannot be signed: it is RFC 3339") from None
        payload = compact(material)
        envelope = {
            "payloadType": TYPE,
            "payload": b64(payload),
            "signatures": [{"keyid": self.key_id, "sig": b64(self.raw(pae(payload)))}],
        }
        value = b64(compact(envelope))
        if len(value) > MAX_MATERIAL:
            raise ValueError("its signature is too large: sign fewer extensions")
        kept = [
            f"{json.dumps(name)}:{exact}"
            for name, exact in members(text)
            if name != MATERIAL
        ]
        return f'{{{",".join(kept)},"{MATERIAL}":"{value}"}}'.encode()

    def public_jwk(self) -> dict[str, str]:
        """Give the key that verifies (RFC 7517), without a kid."""
        public = self.key.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            x, y = b64url(point[1:33]), b64url(point[33:])
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}

    def raw(self, content: bytes) -> bytes:
        """Make 64 bytes of signature (of ES256: r and s, RFC 7518 section 3.4)."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(content)
        r, s = decode_dss_signature(self.key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def event_key(key: Key | str | bytes) -> Key:
    if isinstance(key, str | bytes):
        text = key.decode() if isinstance(key, bytes) else key
        if text.startswith("whsk_"):
            return ed25519_key(decoded(text.strip(), "whsk_", "key"))
        loaded = load_pem_private_key(text.encode(), None)
    else:
        loaded = key
    if isinstance(loaded, Ed25519PrivateKey):
        return loaded
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError(WANTED)
    if not isinstance(loaded.curve, ec.SECP256R1):
        raise ValueError(WANTED)
    return loaded


def ed25519_key(raw: bytes) -> Ed25519PrivateKey:
    """Read a seed, or seed and public key, which must belong together."""
    if len(raw) not in (32, 64):
        raise ValueError("a private key has 32 or 64 bytes")
    key = Ed25519PrivateKey.from_private_bytes(raw[:32])
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if raw[32:] not in (b"", public):
        raise ValueError("the public half of a key does not belong to its seed")
    return key


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
