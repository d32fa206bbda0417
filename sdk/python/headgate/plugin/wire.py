"""headgate.plugin.v1 between protobuf and this package's own types.

The message classes are made at run time from plugin_v1.binpb, a FileDescriptorSet:
there is no generated code that would tie the package to one release of protobuf.
"""

import json
import pkgutil
from datetime import datetime, timedelta
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from headgate.plugin.diagnostic import Diagnostics
from headgate.plugin.event import Event, Principal
from headgate.plugin.transform import Transform
from headgate.plugin.trust import IssuerTrust, Revocation, TokenRules, TrustBundle

PACKAGE = "headgate.plugin.v1"


def load(files: bytes) -> dict[str, Any]:
    """Make the message classes of a FileDescriptorSet, by their short names."""
    pool = descriptor_pool.DescriptorPool()
    described = descriptor_pb2.FileDescriptorSet.FromString(files)
    for file in described.file:
        pool.Add(file)
    factory: Any = message_factory
    if hasattr(factory, "GetMessageClass"):
        make = factory.GetMessageClass
    else:  # before protobuf 4.22
        make = factory.MessageFactory(pool).GetPrototype
    return {
        m.name: make(pool.FindMessageTypeByName(f"{file.package}.{m.name}"))
        for file in described.file
        for m in file.message_type
    }


V1 = load(pkgutil.get_data("headgate.plugin", "plugin_v1.binpb") or b"")
EXTENSION = V1["Extension"]
SHAPES = {"": 0, "string": 1, "integer": 2, "array": 3}
REVOKED = {
    "kid": V1["Revocation"].TYPE_KEY,
    "jti": V1["Revocation"].TYPE_TOKEN,
    "subject": V1["Revocation"].TYPE_SUBJECT,
}


def read_event(e: Any) -> Event:
    """Read an event. It raises ValueError for what a router must not send."""
    sender = None
    if e.HasField("principal"):
        p = e.principal
        sender = Principal(p.provider, p.issuer, p.subject)
    return Event(
        id=e.id,
        source=e.source,
        type=e.type,
        subject=e.subject,
        time=e.time,
        data_content_type=e.data_content_type,
        data_schema=e.data_schema,
        data=e.data if e.HasField("data") else None,
        data_is_json=e.data_is_json,
        extensions={x.name: read_value(x) for x in e.extensions},
        sender=sender,
    )


def read_value(x: Any) -> str | int | bool:
    if x.type == EXTENSION.TYPE_STRING:
        return str(x.value)
    if x.type == EXTENSION.TYPE_INTEGER:
        return int(x.value)
    if x.type == EXTENSION.TYPE_BOOLEAN and x.value in ("true", "false"):
        return bool(x.value == "true")
    raise ValueError(f"extension {x.name} is of no known type")


def write_event(e: Event) -> Any:
    """Write an event, with its sender.

    It raises TypeError or ValueError for what an event cannot hold.
    """
    data = e.data  # first: it may make the data what was changed inside its JSON
    if e.data_is_json and data is None:
        raise ValueError("an event without data says that its data is JSON")
    return V1["Event"](
        id=e.id,
        source=e.source,
        type=e.type,
        subject=e.subject,
        time=e.time,
        data_content_type=e.data_content_type,
        data_schema=e.data_schema,
        data=data,
        data_is_json=e.data_is_json,
        extensions=[write_extension(*x) for x in sorted(e.extensions.items())],
        principal=vars(e.sender) if e.sender else None,
    )


def write_extension(name: str, value: object) -> Any:
    if isinstance(value, str):
        return EXTENSION(name=name, value=value, type=EXTENSION.TYPE_STRING)
    if isinstance(value, bool):
        text = "true" if value else "false"
        return EXTENSION(name=name, value=text, type=EXTENSION.TYPE_BOOLEAN)
    if isinstance(value, int):
        return EXTENSION(name=name, value=str(value), type=EXTENSION.TYPE_INTEGER)
    raise TypeError(f"extension {name} is neither text nor a whole number nor a bool")


def text(raw: str) -> str:
    """Make a text what the wire holds: no lone surrogates."""
    return raw.encode(errors="replace").decode()


def write_kind(kind: Any) -> Any:
    of = V1["Kind"]
    if not isinstance(kind, Transform):
        return of(
            type=of.TYPE_PROVIDER,
            name=kind.name,
            doc=text(kind.doc),
            config_schema=kind.schema,
        )
    needs = kind.needs
    return of(
        type=of.TYPE_TRANSFORM,
        name=kind.name,
        doc=text(kind.doc),
        config_schema=kind.schema,
        redacts=kind.redacts,
        needs={
            "data": needs.data,
            "extensions": needs.extensions,
            "principal": needs.sender,
        },
    )


def write_diagnostics(e: Diagnostics) -> Any:
    faults = [{"path": text(f.path), "text": text(f.text)} for f in e.faults]
    return V1["ConfigureResponse"](diagnostics=faults)


def write_bundle(b: TrustBundle, version: int) -> Any:
    return V1["WatchTrustResponse"](
        version=version,
        fetched_at=millis(b.fetched_at),
        fresh_until=millis(b.fresh_until),
        usable_until=millis(b.usable_until),
        issuers=[write_issuer(i) for i in b.issuers],
        revoked=[write_revocation(r) for r in b.revoked],
    )


def write_issuer(i: IssuerTrust) -> Any:
    return V1["Issuer"](
        issuer=i.issuer,
        audiences=i.audiences,
        algs=i.algs,
        keys=[json.dumps(key).encode() for key in i.keys],
        leeway_seconds=i.leeway // timedelta(seconds=1),
        max_lifetime_seconds=i.max_lifetime // timedelta(seconds=1),
        rules=write_rules(i.rules),
        fetched_at=optional_millis(i.fetched_at),
        fresh_until=optional_millis(i.fresh_until),
        usable_until=optional_millis(i.usable_until),
    )


def write_rules(r: TokenRules) -> Any:
    return V1["TokenRules"](
        types=r.types,
        audience=r.audience,
        require=[
            V1["ClaimRule"](
                claim=c.claim,
                shape=SHAPES[c.shape],
                one_of=c.one_of,
                prefixes=c.prefixes,
                differs=c.differs,
            )
            for c in r.require
        ],
        forbid=r.forbid,
        subject=[V1["SubjectRule"](claim=s.claim, prefix=s.prefix) for s in r.subject],
        client=r.client,
        groups=r.groups,
        scopes=r.scopes,
        confirmation=r.confirmation,
    )


def write_revocation(r: Revocation) -> Any:
    return V1["Revocation"](
        type=REVOKED[r.kind],
        issuer=r.issuer,
        value=r.value,
        expires=millis(r.expires),
        before=optional_millis(r.before),
    )


def optional_millis(t: datetime | None) -> int | None:
    return None if t is None else millis(t)


def millis(t: datetime) -> int:
    if t.tzinfo is None:
        raise ValueError("the time of a trust bundle has no time zone")
    return int(t.timestamp() * 1000)
