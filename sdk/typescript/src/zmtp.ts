import type { Post } from "./post.js";
import { parseAddress } from "./zmtp/address.js";
import { Dealer, type DealerOptions } from "./zmtp/dealer.js";

export { Dealer, type DealerOptions } from "./zmtp/dealer.js";
export type { Connect, ReaderLike, SocketLike, WriterLike } from "./zmtp/socket.js";

/**
 * Gives a way to a router's ZeroMQ door, with one connection for each request: on
 * Workers a socket belongs to the request that has opened it. Where one lives longer,
 * as in a Durable Object, or many events go at once, use a {@link Dealer}.
 *
 * It speaks ZMTP 3.1 as a DEALER under NULL, in TLS for tls://. Every end without an
 * answer is an EdgeError, retryable, with a code: "unreachable" (no connection),
 * "timeout", "closed" (by the peer, which is also how a socket that is no ROUTER
 * refuses a DEALER), "wrong_socket_type" (it says which it is), "protocol" (it is no
 * ZMTP 3, asks for another mechanism, or breaks the rules) and "too_large" (an answer
 * over maxAnswer). "aborted", by the caller's signal, is not retryable.
 *
 * Throws TypeError for an address that cannot be.
 */
export function zmtp(o: DealerOptions): Post {
  parseAddress(o.address);
  return async ({ headers, body, signal }) => {
    const dealer = await Dealer.open(o, signal);
    try {
      return await dealer.request(headers, body, signal);
    } finally {
      dealer.close();
    }
  };
}
