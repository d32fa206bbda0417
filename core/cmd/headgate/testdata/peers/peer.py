"""A libzmq consumer with bad manners on request, for tests of the router.

It prints one JSON line per delivery:

    {"id", "type", "attempt", "event_sha256", "ok": true or the check that failed}

Of a delivery that failed a check only the digest of frame 2 is told; the rest is
null, and no reply is sent.
"""

import argparse
import json
import sys
import time
from hashlib import sha256
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parents[5]
sys.path.insert(0, str(ROOT / "sdk" / "python"))

from headgate import delivery  # noqa: E402


def main() -> None:
    args = flags()
    keys = delivery.parse_keys(Path(args.keys).read_bytes())
    channel = args.channel or ("telemetry" if args.sub else "commands")
    context = zmq.Context()
    context.linger = 2000  # ms for the last replies
    deliveries = context.socket(zmq.SUB if args.sub else zmq.PULL)
    deliveries.heartbeat_ivl = args.heartbeat
    if args.sub:
        deliveries.subscribe(args.topic)
    deliveries.connect(args.sub or args.connect)
    replies: dict[str, zmq.Socket] = {}
    silent: set[tuple[str, str]] = set()
    lease: delivery.Object = {}
    taken = 0
    while taken != args.count:
        frames = deliveries.recv_multipart()
        taken += 1
        line = {"id": None, "type": None, "attempt": None, "event_sha256": None}
        if len(frames) > 2:
            line["event_sha256"] = sha256(frames[2]).hexdigest()
        try:
            header, event = delivery.open(frames, keys, {channel}, time.time())
        except delivery.Refused as refused:
            print(json.dumps(line | {"ok": str(refused)}), flush=True)
            continue
        line |= {"id": event["id"], "type": event["type"], "ok": True}
        line["attempt"] = header.get("attempt", 0)  # telemetry has none
        name = event["source"], event["id"]
        quiet = args.mode == "silent-once" and name not in silent
        silent.add(name)
        if "lease" in header and args.mode != "mute" and not quiet:
            to = header["reply"]
            if to not in replies:
                replies[to] = context.socket(zmq.PUSH)
                replies[to].connect(to)
            lease = {k: header[k] for k in ("id", "source", "lease")}
            replies[to].send_json(lease | status(args))
        print(json.dumps(line), flush=True)
    if args.goodbye and lease:
        replies[to].send_json(lease | {"goodbye": True})
    context.destroy()


def status(args: argparse.Namespace) -> delivery.Object:
    if args.mode == "retry":
        return {"status": "retry", "retry_after": args.retry_after}
    if args.mode == "failed":
        return {"status": "failed", "reason": "told to fail"}
    return {"status": "done"}


def flags() -> argparse.Namespace:
    flag = argparse.ArgumentParser(description=__doc__)
    side = flag.add_mutually_exclusive_group(required=True)
    side.add_argument("--connect", help="endpoint to PULL commands from")
    side.add_argument("--sub", help="endpoint to SUBscribe to telemetry at")
    flag.add_argument("--topic", default="", help="prefix to subscribe to")
    flag.add_argument("--keys", required=True, help="JWK Set of the router")
    flag.add_argument("--channel", help="commands, or telemetry with --sub")
    modes = ["done", "mute", "retry", "failed", "silent-once"]
    flag.add_argument("--mode", default="done", choices=modes)
    flag.add_argument("--retry-after", default=0, type=float, help="seconds")
    flag.add_argument("--count", default=-1, type=int, help="leave after so many")
    flag.add_argument("--heartbeat", default=0, type=int, help="ms between PINGs")
    flag.add_argument("--goodbye", action="store_true", help="say it on leaving")
    return flag.parse_args()


if __name__ == "__main__":
    main()
