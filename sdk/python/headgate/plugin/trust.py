"""What tokens are checked with: the snapshots that a provider publishes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal


@dataclass(frozen=True)
class ClaimRule:
    """What a token has to say: the claim is there, and all that is given holds."""

    claim: str  # a JSON Pointer (RFC 6901) into the token's payload
    shape: Literal["", "string", "integer", "array"] = ""  # an array is one of strings
    one_of: Sequence[str] = ()  # it is one of these strings
    prefixes: Sequence[str] = ()  # it is a string that begins with one of these
    differs: str = ""  # another claim with which it is not equal


@dataclass(frozen=True)
class SubjectRule:
    """Makes a principal's subject of a claim that is a string."""

    claim: str
    prefix: str = ""  # goes before it, so that subjects of different claims stay apart


@dataclass(frozen=True)
class TokenRules:
    """Which tokens are access tokens at all, and what in them the router goes by."""

    types: Sequence[str] = ()  # of the header, lower case; none for "", "jwt", "at+jwt"
    audience: str = ""  # the claim one of the audiences is in; empty for /aud
    require: Sequence[ClaimRule] = ()
    forbid: Sequence[str] = ()
    subject: Sequence[SubjectRule] = ()  # the first whose claim is there; none for /sub
    client: str = ""
    groups: str = ""
    scopes: str = ""
    confirmation: str = ""  # a claim with a key's thumbprint, besides /cnf/jkt


@dataclass(frozen=True)
class IssuerTrust:
    """How the tokens of one issuer are checked."""

    issuer: str
    audiences: Sequence[str]
    algs: Sequence[str]
    keys: Sequence[Mapping[str, Any]]  # public JSON Web Keys (RFC 7517)
    leeway: timedelta = timedelta()  # for exp, nbf and iat; whole seconds
    max_lifetime: timedelta = timedelta(hours=1)  # of a token, exp - iat; whole seconds
    rules: TokenRules = TokenRules()
    # Its own, where it is older than the bundle. Later than the bundle's they do not count.
    fetched_at: datetime | None = None
    fresh_until: datetime | None = None
    usable_until: datetime | None = None


@dataclass(frozen=True)
class Revocation:
    """Withdraws something before it expires by itself."""

    kind: Literal["kid", "jti", "subject"]
    issuer: str
    value: str
    expires: datetime  # when it need not be remembered any more
    before: datetime | None = None  # only tokens that were issued before


@dataclass(frozen=True)
class TrustBundle:
    """A snapshot: it replaces the one before as a whole. Times have a time zone."""

    issuers: Sequence[IssuerTrust]
    fetched_at: datetime
    fresh_until: datetime  # older, the router warns
    usable_until: datetime  # older, the router refuses tokens of these issuers
    revoked: Sequence[Revocation] = field(default=())
