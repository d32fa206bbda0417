export type { Answer, ChannelStatus, Status } from "./answer.js";
export { bearer, type Credential, ed25519, type EventKey, hmac, type Outgoing } from "./credential.js";
export { EdgeError, type EdgeFacts } from "./error.js";
export { type CloudEvent, type EventInit, makeEvent } from "./event.js";
export type { PrivateKey } from "./key.js";
export type { Post, PostAnswer, PostRequest } from "./post.js";
export { Producer, type ProducerOptions, type SendOptions } from "./producer.js";
export type { EventSigner } from "./dsse.js";
