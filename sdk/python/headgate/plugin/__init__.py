"""Write a headgate plugin: decorate a function, then serve it.

    @transform("shout", "1.0.0", Config)
    def shout(event: Event, config: Config) -> None:
        event.json["text"] = event.json["text"].upper() + config.mark

    serve(shout)

What the function changed in the event goes on; what it raises says what becomes of
the event instead. A router may call it from several threads at once. Import this
module first: from then on nothing that is printed can disturb the router.
"""

from headgate.plugin import stdio
from headgate.plugin.diagnostic import Diagnostic, Diagnostics
from headgate.plugin.event import Event, Principal
from headgate.plugin.outcome import Drop, Permanent, Retry
from headgate.plugin.provider import Bundles, Hint, Policy, Provider, Watch, provider
from headgate.plugin.serving import serve
from headgate.plugin.transform import Needs, Transform, transform
from headgate.plugin.trust import (
    ClaimRule,
    IssuerTrust,
    Revocation,
    SubjectRule,
    TokenRules,
    TrustBundle,
)

__all__ = [
    "Bundles",
    "ClaimRule",
    "Diagnostic",
    "Diagnostics",
    "Drop",
    "Event",
    "Hint",
    "IssuerTrust",
    "Needs",
    "Permanent",
    "Policy",
    "Principal",
    "Provider",
    "Retry",
    "Revocation",
    "SubjectRule",
    "TokenRules",
    "Transform",
    "TrustBundle",
    "Watch",
    "provider",
    "serve",
    "transform",
]

stdio.guard()
