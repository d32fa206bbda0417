"""A plugin with everything, for the tests of the process."""

import logging
import os
import stat
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from headgate.plugin import (
    Bundles,
    Event,
    IssuerTrust,
    TrustBundle,
    Watch,
    provider,
    serve,
    transform,
)

print("printed while it is imported")


@dataclass
class Config:
    mark: str
    until: str = ""  # a file that has to be there first


@transform("mark", "1.2.3", Config)
def mark(event: Event, config: Config) -> None:
    """Marks events."""
    logging.getLogger("mark").info("marking", extra={"id": event.id})
    print("printed while an event is marked")
    print("standard input is a pipe:", stat.S_ISFIFO(os.fstat(0).st_mode))
    while config.until and not os.path.exists(config.until):
        time.sleep(0.01)
    if event.id == "exit":
        sys.exit("no")
    event.json["mark"] = config.mark


@provider("keys", "1.2.3")
def keys(watch: Watch) -> Bundles:
    """Publishes at each hint. What was refused, it says in the audience."""
    issuer, audience = watch.policy.issuers[0], "first"
    while not watch.stopped:
        now = datetime.now(timezone.utc)
        later = now + timedelta(hours=1)
        trust = IssuerTrust(issuer, [audience], ["ES256"], [{"kty": "EC"}])
        audience = str((yield TrustBundle([trust], now, later, later)))
        hint = watch.wait(3600)
        if hint and hint.key_id == "broken":
            sys.exit("cannot go on")


serve(mark, keys, name="every")
