"""A libzmq producer with nothing but pyzmq and the standard library.

It signs with HMAC (Standard Webhooks 1.0, "v1") and sends one event for each
line of standard input, then prints the answer: one line of JSON each.
"""

import argparse
import base64
import hashlib
import hmac
import json
import sys
import time

import zmq


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("type", choices=["DEALER", "REQ"])
    parser.add_argument("endpoint")
    parser.add_argument("key_id")
    parser.add_argument("secret", help="hexadecimal")
    o = parser.parse_args()
    secret = bytes.fromhex(o.secret)
    with zmq.Context() as context, context.socket(getattr(zmq, o.type)) as sock:
        sock.linger = 0
        sock.connect(o.endpoint)
        for n, line in enumerate(sys.stdin.buffer):
            body = line.rstrip(b"\n")
            request = b"request %d" % n
            event_id = json.loads(body)["id"]
            headers = json.dumps(sign(event_id, body, o.key_id, secret))
            sock.send_multipart([request, headers.encode(), body])
            answered, text = sock.recv_multipart()
            if answered != request:
                raise SystemExit(f"{answered!r} is answered, not {request!r}")
            print(text.decode(), flush=True)


def sign(event_id: str, body: bytes, key_id: str, secret: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    mac = hmac.new(secret, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/cloudevents+json",
        "headgate-key-id": key_id,
        "webhook-id": event_id,
        "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
    }


main()
