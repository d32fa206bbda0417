/// <reference types="node" />
import type { Pull, Push, Subscriber } from "zeromq";
import { steady, type Log } from "./log.js";

const AGAIN = 1000; // ms until an address is connected to again that libzmq has given up

const REFUSALS = {
  "handshake:error:auth": "the router does not know this side's CURVE key",
  "handshake:error:protocol": "one side has CURVE and the other has not",
  "handshake:error:other": "the router ended the handshake: is its public CURVE key right?",
} as const;

/**
 * Connects a socket to its only address, for as long as it is open. libzmq gives an
 * address up after a refusal, or bytes that break ZMTP: the connection ends and no retry
 * is announced. The router may be told of a key later, so this connects again.
 *
 * It throws where the address is none.
 */
export function connect(socket: Pull | Push | Subscriber, address: string, log?: Log): void {
  socket.connect(address);
  const { events } = socket; // in the same turn: before a router can have answered
  const tell = steady(log);
  let told = "";
  let due: NodeJS.Timeout | undefined;
  const rest = () => clearTimeout(due);
  const gone = () => {
    rest();
    due = setTimeout(again, AGAIN);
  };
  const again = () => {
    if (socket.closed) return;
    try {
      socket.disconnect(address);
    } catch {
      // libzmq may have forgotten it already
    }
    socket.connect(address);
  };
  events.on("connect:retry", rest); // libzmq goes on by itself
  events.on("handshake", () => (told = ""));
  events.on("disconnect", gone);
  events.on("end", rest);
  for (const type of Object.keys(REFUSALS) as (keyof typeof REFUSALS)[]) {
    events.on(type, () => {
      gone();
      if (told !== type) tell({ level: "warn", text: `${address}: ${REFUSALS[type]}` });
      told = type;
    });
  }
}
