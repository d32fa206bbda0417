"""A provider that breaks no rule, for the conformance suite."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from headgate.plugin import (
    Bundles,
    IssuerTrust,
    TrustBundle,
    Watch,
    provider,
    serve,
)

# RFC 7517, appendix A.1.
KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "use": "sig",
    "alg": "ES256",
    "kid": "1",
}


@dataclass
class Config:
    token: str = field(metadata={"secret": True})


@provider("keys", "1.0.0", Config)
def keys(watch: Watch, config: Config) -> Bundles:
    policy = watch.policy
    while not watch.stopped:
        now = datetime.now(timezone.utc)
        yield TrustBundle(
            [
                IssuerTrust(issuer, policy.audiences, policy.algs, [KEY])
                for issuer in policy.issuers
            ],
            fetched_at=now,
            fresh_until=now + timedelta(minutes=10),
            usable_until=now + timedelta(hours=1),
        )
        watch.wait(0.1)


serve(keys)
