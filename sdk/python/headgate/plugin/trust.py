"""What tokens are checked with: the snapshots that a provider publishes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal


@dataclass(frozen=True)
class IssuerTrust:
    """How the tokens of one issuer are checked."""

    issuer: str
    audiences: Sequence[str]
    algs: Sequence[str]
    keys: Sequence[Mapping[str, Any]]  # public JSON Web Keys (RFC 7517)
    leeway: timedelta = timedelta()  # for exp, nbf and iat; whole seconds
    max_lifetime: timedelta = timedelta(hours=1)  # of a token, exp - iat; whole seconds


@dataclass(frozen=True)
class Revocation:
    """Withdraws something before it expires by itself."""

    kind: Literal["kid", "jti", "subject"]
    issuer: str
    value: str
    expires: datetime  # when it need not be remembered any more


@dataclass(frozen=True)
class TrustBundle:
    """A snapshot: it replaces the one before as a whole. Times have a time zone."""

    issuers: Sequence[IssuerTrust]
    fetched_at: datetime
    fresh_until: datetime  # older, the router warns
    usable_until: datetime  # older, the router refuses tokens of these issuers
    revoked: Sequence[Revocation] = field(default=())
