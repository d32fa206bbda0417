"""The calls of headgate.plugin.v1, for gRPC."""

import logging
import traceback
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import grpc

from headgate import VERSION
from headgate.plugin import wire
from headgate.plugin.calls import Calls
from headgate.plugin.diagnostic import Diagnostic, Diagnostics
from headgate.plugin.instance import Instance
from headgate.plugin.offer import Offer
from headgate.plugin.outcomes import outcomes
from headgate.plugin.provider import Hint, Policy, Provider
from headgate.plugin.transform import Transform

log = logging.getLogger("headgate.plugin")

DRAINING = "the plugin is draining: it takes no more calls"

Call = Callable[[Any, Any], Any]


class Rpc:
    """Answers a router's calls, each in a thread of the server's."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.calls = Calls()
        self.instances: dict[str, Instance] = {}
        self.configuring = Lock()

    def describe(self, request: Any, context: Any) -> Any:
        return wire.V1["DescribeResponse"](
            name=self.offer.name,
            version=self.offer.version,
            sdk=f"python/{VERSION}",
            kinds=[wire.write_kind(kind) for kind in self.offer.kinds.values()],
        )

    def configure(self, request: Any, context: Any) -> Any:
        kind = self.offer.kinds.get(request.kind)
        if kind is None:
            have = ", ".join(self.offer.kinds)
            text = f"{self.offer.name} has no kind {request.kind}: it has {have}"
            return wire.write_diagnostics(Diagnostics(Diagnostic("", text)))
        try:
            rest = kind.open(request.config)
        except Diagnostics as e:
            return wire.write_diagnostics(e)
        except (Exception, SystemExit) as e:
            # Where, but not what it says: that may hold a secret.
            stack = "".join(traceback.format_tb(e.__traceback__))
            log.error("cannot open %s", kind.name, extra={"stack": stack})
            text = f"could not be opened: {type(e).__name__}, see the plugin's log"
            return wire.write_diagnostics(Diagnostics(Diagnostic("", text)))
        if not request.dry_run:
            p = request.policy
            policy = Policy(tuple(p.issuers), tuple(p.audiences), tuple(p.algs))
            with self.configuring:
                before = self.instances.get(kind.name)
                self.instances[kind.name] = Instance(kind, rest, policy)
            if before:
                before.end()
        return wire.V1["ConfigureResponse"]()

    def health(self, request: Any, context: Any) -> Any:
        if self.calls.draining:
            return wire.V1["HealthResponse"](reason="the plugin is draining")
        return wire.V1["HealthResponse"](ready=True)

    def drain(self, request: Any, context: Any) -> Any:
        if not self.stop(context.time_remaining()):
            late = grpc.StatusCode.DEADLINE_EXCEEDED
            context.abort(late, "calls are under way still")
        return wire.V1["DrainResponse"]()

    def transform(self, request: Any, context: Any) -> Any:
        instance = self.instance(request.kind, Transform, context)
        size = len(request.events) if instance.kind.batch else 1
        answer = wire.V1["TransformResponse"]()
        for at in range(0, len(request.events), size or 1):
            if not context.is_active():
                break  # nobody waits for the answer any more
            events = request.events[at : at + size]
            answer.outcomes.extend(outcomes(instance.kind, instance.rest, events))
        return answer

    def watch_trust(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        """Send a bundle, wait for its answer, and only then make the next."""
        if self.calls.draining:
            context.abort(grpc.StatusCode.UNAVAILABLE, DRAINING)
        instance = self.instance(next(requests).kind, Provider, context)
        watch = instance.watch()
        context.add_callback(watch.stop)
        bundles = instance.kind(watch, *instance.rest)
        refused = None
        try:
            while not watch.stopped and context.is_active():
                version = next(instance.kind.versions)
                yield wire.write_bundle(bundles.send(refused), version)
                answer = next(requests)
                if answer.version != version:
                    raise ValueError(f"not version {version} was answered")
                refused = answer.refused or None
        except (StopIteration, grpc.RpcError):
            pass  # one side has no more
        except (Exception, SystemExit) as e:
            log.exception("the provider %s cannot go on", instance.kind.name)
            context.abort(grpc.StatusCode.UNKNOWN, wire.text(str(e)))
        finally:
            bundles.close()
            instance.forget(watch)

    def hint(self, request: Any, context: Any) -> Any:
        instance = self.instance(request.kind, Provider, context)
        instance.hint(Hint(request.issuer, request.key_id))
        return wire.V1["HintResponse"]()

    def stop(self, seconds: float | None) -> bool:
        """Take no more calls, and tell whether none is left after so long."""
        self.calls.draining = True
        for instance in list(self.instances.values()):
            instance.end()
        return self.calls.drain(seconds)

    def instance(self, name: str, of: type, context: Any) -> Instance:
        instance = self.instances.get(name)
        if instance is None or not isinstance(instance.kind, of):
            text = f"{of.__name__.lower()} {name} is not configured"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)
            raise AssertionError("abort raises")
        return instance

    def counted(self, call: Call) -> Call:
        """Make a call one that a drain waits for, and that is refused after it."""

        def one(request: Any, context: Any) -> Any:
            if not self.calls.begin():
                context.abort(grpc.StatusCode.UNAVAILABLE, DRAINING)
            try:
                return call(request, context)
            finally:
                # It ends when its answer has left, or here if nobody waits for one.
                if not context.add_callback(self.calls.end):
                    self.calls.end()

        return one

    def generic(self) -> list[Any]:
        """Give the services by name, as gRPC's server takes them."""
        plugin = {
            "Describe": unary(self.describe, "Describe"),
            "Configure": unary(self.counted(self.configure), "Configure"),
            "Health": unary(self.health, "Health"),
            "Drain": unary(self.drain, "Drain"),
        }
        transforms = {"Transform": unary(self.counted(self.transform), "Transform")}
        providers = {
            "WatchTrust": grpc.stream_stream_rpc_method_handler(
                self.watch_trust, **coding("WatchTrust")
            ),
            "Hint": unary(self.counted(self.hint), "Hint"),
        }
        services = {"PluginService": plugin}
        kinds = self.offer.kinds.values()
        if any(isinstance(kind, Transform) for kind in kinds):
            services["TransformService"] = transforms
        if any(isinstance(kind, Provider) for kind in kinds):
            services["ProviderService"] = providers
        return [
            grpc.method_handlers_generic_handler(f"{wire.PACKAGE}.{name}", calls)
            for name, calls in services.items()
        ]


def unary(call: Call, name: str) -> Any:
    return grpc.unary_unary_rpc_method_handler(call, **coding(name))


def coding(name: str) -> dict[str, Any]:
    return {
        "request_deserializer": wire.V1[f"{name}Request"].FromString,
        "response_serializer": wire.V1[f"{name}Response"].SerializeToString,
    }
