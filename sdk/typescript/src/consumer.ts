/**
 * Takes a router's deliveries in Node.js, checks them, works and replies. Begin with
 * {@link Consumer} for a command channel, where every event is acknowledged, or with
 * {@link Subscriber} for a telemetry channel, where none is; with {@link open} where
 * deliveries come by sockets of your own. It needs the package zeromq.
 */
export { Consumer, type ConsumerOptions } from "./consumer/consumer.js";
export type { Counts } from "./consumer/counts.js";
export { open, type ConsumedEvent, type Header } from "./consumer/delivery.js";
export { signed } from "./consumer/dsse.js";
export type { Opened, Trust } from "./consumer/gate.js";
export { Keys, parseKeys } from "./consumer/keys.js";
export type { Log, Note } from "./consumer/log.js";
export { parseProducers, Producers } from "./consumer/producers.js";
export { Refused } from "./consumer/refused.js";
export type { Curve } from "./consumer/socket.js";
export { Subscriber, type SubscriberOptions } from "./consumer/subscriber.js";
export { Failed, Retry, type BatchWork, type Context, type Work } from "./consumer/work.js";
