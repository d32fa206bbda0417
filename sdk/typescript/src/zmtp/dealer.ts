import type { PostAnswer } from "../post.js";
import { type Address, parseAddress } from "./address.js";
import { answer } from "./answer.js";
import { closed, fault, unreachable, within } from "./fault.js";
import { Link } from "./link.js";
import type { Connect } from "./socket.js";
import { encode, frame, join, MORE } from "./wire.js";

const TIMEOUT = 5000; // ms
const MAX_WAIT = 25_000; // ms that a router waits for an event's end
const MAX_ANSWER = 4 << 20; // bytes: several times what 1,000 results with receipts have

export interface DealerOptions {
  /** Of cloudflare:sockets, or in the same shape. */
  connect: Connect;
  /** Of the router's ZeroMQ ingress: tcp://host:port, or tls://host:port. */
  address: string;
  /** Milliseconds until the connection is ready, and again for each answer; 5,000 unless said. With `prefer: wait` an answer has 25 s more. */
  timeout?: number;
  /** Bytes of the largest answer; 4 MiB unless said. */
  maxAnswer?: number;
}

interface Asked {
  write(): Promise<unknown>;
  resolve(answer: PostAnswer): void;
  reject(fault: Error): void;
}

/**
 * A connection to a router's ZeroMQ door, for as many requests as come. They may be
 * under way at once: answers are told apart by their request id. What ends the
 * connection ends them all, each with the same EdgeError; a request that times out,
 * or is given up, ends alone.
 */
export class Dealer {
  readonly #link: Link;
  readonly #timeout: number;
  readonly #asked = new Map<string, Asked>();
  #count = 0;
  #turn: Promise<unknown> = Promise.resolve(); // of the last request to write
  #ended: Error | undefined;

  private constructor(o: DealerOptions, { hostname, port, secureTransport }: Address) {
    this.#timeout = o.timeout ?? TIMEOUT;
    try {
      const socket = o.connect({ hostname, port }, { secureTransport, allowHalfOpen: false });
      this.#link = new Link(socket, o.maxAnswer ?? MAX_ANSWER);
    } catch (refused) {
      unreachable(refused);
    }
  }

  /** Resolves when the router is ready. Throws TypeError for an address that cannot be. */
  static async open(o: DealerOptions, signal?: AbortSignal): Promise<Dealer> {
    const dealer = new Dealer(o, parseAddress(o.address));
    try {
      await within(dealer.#link.handshake(), dealer.#timeout, signal);
    } catch (failed) {
      dealer.close();
      throw closed(failed);
    }
    void dealer.#run();
    return dealer;
  }

  /** Sends one request; resolves with its answer, and rejects with EdgeError alone. */
  async request(headers: Record<string, string>, body: Uint8Array, signal?: AbortSignal): Promise<PostAnswer> {
    if (this.#ended) throw this.#ended;
    const id = String(++this.#count);
    const bytes = join(frame(MORE, encode(id)), frame(MORE, encode(JSON.stringify(headers))), frame(0, body));
    const answered = new Promise<PostAnswer>((resolve, reject) => this.#asked.set(id, { write: () => this.#link.write(bytes), resolve, reject }));
    if (!signal?.aborted) this.#queue(id);
    const wait = /wait=/.test(headers["prefer"] ?? "") ? MAX_WAIT : 0;
    try {
      return await within(answered, this.#timeout + wait, signal);
    } finally {
      this.#asked.delete(id);
    }
  }

  /** Closes the connection. Requests under way reject, as "closed". */
  close(): void {
    this.#end(fault("closed", "closed"));
  }

  /** Has a request written when those before it are. One that is given up by then is not, so that a peer that takes nothing fills no memory. */
  #queue(id: string): void {
    this.#turn = this.#turn.then(() => this.#asked.get(id)?.write()).catch((lost: unknown) => this.#end(closed(lost)));
  }

  /** Hands out answers until the connection ends. It never rejects. */
  async #run(): Promise<void> {
    try {
      for (;;) {
        const { id, ...rest } = answer(await this.#link.message());
        this.#asked.get(id)?.resolve(rest); // else nobody waits for it any more
      }
    } catch (fault) {
      this.#end(closed(fault));
    }
  }

  #end(fault: Error): void {
    if (this.#ended) return;
    this.#ended = fault;
    for (const { reject } of this.#asked.values()) reject(fault);
    this.#link.close();
  }
}
