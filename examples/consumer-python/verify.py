"""Consume commands and act once on each event whose delivery passes every check."""

import argparse
import logging
import sys
from pathlib import Path

# The package as it lies beside this example; where it is installed, leave this out.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sdk" / "python"))

from headgate.consumer import Consumer, Curve, Delivery


def flags() -> argparse.Namespace:
    flag = argparse.ArgumentParser(description=__doc__)
    flag.add_argument("--connect", default="tcp://127.0.0.1:5555")
    flag.add_argument("--keys", default="keys.json", help="JWK Set of the router")
    flag.add_argument("--producers", help="who may sign for which source, JSON")
    flag.add_argument("--channel", default="commands")
    flag.add_argument("--curve-server", help="public CURVE key of the router")
    flag.add_argument("--curve-key", help="file of the own secret CURVE key")
    flag.add_argument("--count", default=0, type=int, help="leave after so many")
    return flag.parse_args()


def main() -> None:
    args = flags()
    logging.basicConfig(format="%(message)s")
    curve = None
    if args.curve_server:
        curve = Curve.from_file(args.curve_server, args.curve_key)
    consumer = Consumer(
        args.connect,
        channel=args.channel,
        keys=args.keys,
        producers=args.producers,
        curve=curve,
    )

    def act(delivery: Delivery) -> None:
        """Do your work here. If it raises, the router delivers again."""
        type, id = (delivery.event[name] for name in ("type", "id"))
        print("done", type, id, "attempt", delivery.attempt, flush=True)
        args.count -= 1
        if args.count == 0:
            consumer.stop()

    try:
        consumer.run(act)
    except (OSError, ValueError) as fault:
        sys.exit(f"{fault}\n`headgate key export` writes keys.")


if __name__ == "__main__":
    main()
