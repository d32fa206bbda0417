"""Consume commands and act once on each event whose delivery passes every check."""

import argparse
import sys
import time
from pathlib import Path

import zmq

import delivery
import dsse
from keyfile import KeyFile

REMEMBERED = 100_000  # events; to remember across restarts, use your database


def act(event: delivery.Object) -> None:
    """Do your work here. If it raises, this ends and the router delivers again."""


def connected(kind: int, address: str) -> zmq.Socket:
    """Connect to the router, sealed by CURVE where its public key is known."""
    s = context.socket(kind)
    if args.curve_server:
        secret = Path(args.curve_key).read_bytes().split()[0]
        s.curve_secretkey, s.curve_publickey = secret, zmq.curve_public(secret)
        s.curve_serverkey = args.curve_server.encode()
    s.connect(address)
    return s


if __name__ == "__main__":
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--connect", default="tcp://127.0.0.1:5555")
    flags.add_argument("--keys", default="keys.json", help="JWK Set of the router")
    flags.add_argument("--producers", help="who may sign for which source, JSON")
    flags.add_argument("--channel", default="commands")
    flags.add_argument("--curve-server", help="public CURVE key of the router")
    flags.add_argument("--curve-key", help="file of the own secret CURVE key")
    flags.add_argument("--count", default=0, type=int, help="leave after so many")
    args = flags.parse_args()
    keys = KeyFile(args.keys, delivery.parse_keys)
    if args.producers is not None:
        producers = KeyFile(args.producers, dsse.parse_producers)
    seen: dict[tuple[str, str], None] = {}
    replies: dict[str, zmq.Socket] = {}
    context = zmq.Context()
    commands = connected(zmq.PULL, args.connect)
    while frames := commands.recv_multipart():
        try:
            known = keys.now()
            header, event = delivery.open(frames, known, {args.channel}, time.time())
            if args.producers is not None:
                event = dsse.signed(header, frames[2], event, producers.now())
        except delivery.Refused as refused:
            print(f"refused: {refused}", file=sys.stderr)  # and left unacknowledged
            continue
        name = event["source"], event["id"]
        if name not in seen:
            act(event)
            seen[name] = None
            if len(seen) > REMEMBERED:
                del seen[next(iter(seen))]
        lease = {k: header[k] for k in ("id", "source", "lease")}
        if header["reply"] not in replies:
            replies[header["reply"]] = connected(zmq.PUSH, header["reply"])
        replies[header["reply"]].send_json(lease | {"status": "done"})
        print(
            f"done {event['type']} {event['id']} attempt {header['attempt']}",
            flush=True,
        )
        args.count -= 1
        if args.count == 0:
            break
    replies[header["reply"]].send_json(lease | {"goodbye": True})
    context.destroy(linger=2000)
