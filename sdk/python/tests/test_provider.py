import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from threading import Thread

from headgate.plugin import (
    Bundles,
    Hint,
    IssuerTrust,
    Policy,
    Revocation,
    TrustBundle,
    Watch,
    provider,
)
from headgate.plugin import wire

AT = datetime(2026, 1, 2, tzinfo=timezone.utc)
BUNDLE = TrustBundle(
    issuers=[
        IssuerTrust(
            issuer="https://i",
            audiences=["a"],
            algs=["ES256"],
            keys=[{"kty": "EC"}],
            leeway=timedelta(seconds=5),
            max_lifetime=timedelta(hours=2),
        )
    ],
    fetched_at=AT,
    fresh_until=AT + timedelta(seconds=1),
    usable_until=AT + timedelta(seconds=2),
    revoked=[Revocation("kid", "https://i", "k", AT)],
)


class Written(unittest.TestCase):
    def test_a_bundle(self) -> None:
        got = wire.write_bundle(BUNDLE, 3)
        at = int(AT.timestamp() * 1000)
        self.assertEqual((got.version, got.fetched_at), (3, at))
        self.assertEqual((got.fresh_until, got.usable_until), (at + 1000, at + 2000))
        (issuer,), (revoked,) = got.issuers, got.revoked
        self.assertEqual(list(issuer.keys), [b'{"kty": "EC"}'])
        self.assertEqual(
            (issuer.leeway_seconds, issuer.max_lifetime_seconds), (5, 7200)
        )
        self.assertEqual((revoked.type, revoked.value), (revoked.TYPE_KEY, "k"))
        self.assertEqual(revoked.expires, at)

    def test_a_time_without_zone_is_no_time(self) -> None:
        with self.assertRaises(ValueError):
            wire.write_bundle(replace(BUNDLE, fetched_at=datetime(2026, 1, 2)), 1)


class Watches(unittest.TestCase):
    def test_a_hint_ends_a_wait(self) -> None:
        watch = Watch(Policy())
        Thread(target=watch.hint, args=(Hint("i", "k"),)).start()
        self.assertEqual(watch.wait(60), Hint("i", "k"))
        self.assertIsNone(watch.wait(0))

    def test_a_stop_ends_every_wait(self) -> None:
        watch = Watch(Policy())
        Thread(target=watch.stop).start()
        self.assertIsNone(watch.wait(60))
        self.assertIsNone(watch.wait(60))
        self.assertTrue(watch.stopped)

    def test_hints_are_bounded(self) -> None:
        watch = Watch(Policy())
        for n in range(100):
            watch.hint(Hint("i", str(n)))
            watch.hint(Hint("i", "0"))
        got = iter(lambda: watch.wait(0), None)
        self.assertEqual([h.key_id for h in got if h], [str(n) for n in range(16)])

    def test_a_provider_yields(self) -> None:
        @provider("keys", "1.0.0")
        def keys(watch: Watch) -> Bundles:
            yield BUNDLE

        self.assertEqual(list(keys(Watch(Policy()))), [BUNDLE])
        with self.assertRaises(TypeError):
            provider("keys", "1.0.0")(lambda watch: iter([BUNDLE]))  # type: ignore
