"""What proves to a router who sends."""

import hashlib
import hmac as mac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.producer.error import SendError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from headgate.producer.signer import EventSigner


@dataclass(frozen=True)
class Outgoing:
    """One try of one request."""

    id: str  # the event's, or any for a batch
    body: bytes
    now: int  # seconds since 1970


# Gives the headers that prove this try, by their names in lower case.
Credential = Callable[[Outgoing], dict[str, str]]

# The id of an event that is sent alone, and of a key: nothing that could move between
# the parts of what is signed.
ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
KEY_ID = re.compile(r"[!-~]{1,128}")
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1

# Bytes of an HMAC secret.
MIN_SECRET, MAX_SECRET = 32, 64


def hmac(secret: str, key_id: str | None = None) -> Credential:
    """Sign each try with a secret (whsec_..), Standard Webhooks 1.0 "v1".

    Without key_id the router tries its default_key_ids.
    """
    key = decoded(secret, "whsec_", "secret")
    if not MIN_SECRET <= len(key) <= MAX_SECRET:
        raise ValueError(f"a secret has {MIN_SECRET} to {MAX_SECRET} bytes")

    def sign(content: bytes) -> str:
        return "v1," + b64encode(mac.digest(key, content, hashlib.sha256)).decode()

    return webhook(sign, key_id)


def ed25519(key: "str | Ed25519PrivateKey", key_id: str | None = None) -> Credential:
    """Sign each try with a private key (whsk_..), "v1a". It needs cryptography."""
    from headgate.producer.signer import ed25519_key

    own = ed25519_key(decoded(key, "whsk_", "key")) if isinstance(key, str) else key

    def sign(content: bytes) -> str:
        return "v1a," + b64encode(own.sign(content)).decode()

    return webhook(sign, key_id)


def bearer(
    token: str | Callable[[], str], bound_to: "EventSigner | None" = None
) -> Credential:
    """Show a token (JWT), or what a function gives for each try.

    bound_to is the event signer whose key the tokens are bound to (cnf.jkt, RFC 9449
    section 6.1): its public key goes with each request.
    """
    bound: dict[str, str] = {}
    if bound_to is not None:
        jwk = json.dumps(bound_to.public_jwk(), separators=(",", ":"))
        bound = {"headgate-event-key": jwk}

    def credential(_: Outgoing) -> dict[str, str]:
        try:
            text = token if isinstance(token, str) else token()
        except Exception as fault:
            why = f"there is none: {type(fault).__name__}"
            raise SendError("token", why, retryable=True) from fault
        if not TOKEN.fullmatch(text):
            raise SendError("token", "it has characters that no token has")
        return bound | {"authorization": f"Bearer {text}"}

    return credential


def webhook(sign: Callable[[bytes], str], key_id: str | None) -> Credential:
    if key_id is not None and not KEY_ID.fullmatch(key_id):
        raise ValueError("a key id is printable ASCII")
    named = {} if key_id is None else {"headgate-key-id": key_id}

    def credential(o: Outgoing) -> dict[str, str]:
        return named | {
            "webhook-id": o.id,
            "webhook-timestamp": str(o.now),
            "webhook-signature": sign(f"{o.id}.{o.now}.".encode() + o.body),
        }

    return credential


def decoded(text: str, prefix: str, noun: str) -> bytes:
    """Read base64 in its one spelling. The error holds none of it."""
    encoded = text.removeprefix(prefix)
    try:
        raw = b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if encoded == text or b64encode(raw).decode() != encoded:
        raise ValueError(
            f"a {noun} is {prefix} and standard base64 with padding, "
            "as `headgate key new` makes it"
        )
    return raw
