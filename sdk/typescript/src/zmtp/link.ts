import { fault, protocol, unreachable } from "./fault.js";
import { Inbox } from "./inbox.js";
import type { SocketLike, WriterLike } from "./socket.js";
import * as wire from "./wire.js";

const MAX_COMMAND = 8192; // bytes: far more than any peer says of itself
const MAX_CONTEXT = 16; // bytes a PING asks to have back (RFC 37)
const MAX_FRAMES = 2; // an answer has request id and document

/**
 * One connection that speaks ZMTP: what comes is read once, in its order. What the
 * socket below throws goes through as it is.
 */
export class Link {
  readonly #socket: SocketLike;
  readonly #inbox: Inbox;
  readonly #writer: WriterLike;
  readonly #max: number;

  /** max is the most bytes that a message of the peer's has. */
  constructor(socket: SocketLike, max: number) {
    this.#socket = socket;
    this.#max = max;
    this.#inbox = new Inbox(socket.readable.getReader());
    this.#writer = socket.writable.getWriter();
    socket.closed?.catch(() => {}); // reading and writing tell as well
  }

  /** Greets, as a DEALER under NULL, and makes sure that the peer is a ROUTER. */
  async handshake(): Promise<void> {
    await this.#socket.opened?.catch(unreachable);
    await this.write(wire.greeting());
    await this.#greeted();
    await this.write(wire.ready());
    const { flags, body } = await this.#frame("in the handshake");
    const { name, data } = flags & wire.COMMAND ? wire.splitCommand(body) : {};
    const type = name === "READY" && wire.socketType(data);
    if (!type) throw protocol("READY");
    if (type !== "ROUTER") throw fault("wrong_socket_type", `the peer is ${JSON.stringify(type.slice(0, 16))}`);
  }

  /** Gives the next message, and answers what the peer asks in between. */
  async message(): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    for (let room = this.#max; ; ) {
      const { flags, body } = await this.#frame("before its answer", room);
      if (flags & wire.COMMAND) await this.#obey(body);
      else {
        room -= body.length;
        frames.push(body);
        if (!(flags & wire.MORE)) return frames;
        if (frames.length === MAX_FRAMES) throw protocol("answer");
      }
    }
  }

  /** Resolves when the platform has taken the bytes, which is not when the peer has them. */
  write(bytes: Uint8Array): Promise<unknown> {
    return this.#writer.write(bytes);
  }

  close(): void {
    this.#socket.close().catch(() => {}); // it was closed
  }

  /** Reads the greeting, and no further than to its first fault. */
  async #greeted(): Promise<void> {
    do {
      if (!(await this.#inbox.more())) throw gone("in the greeting: CURVE?");
      if (!wire.greets(this.#inbox.seen())) throw protocol("greeting under NULL");
    } while (this.#inbox.seen().length < wire.GREETING);
    await this.#inbox.take(wire.GREETING);
  }

  async #take(count: number, when: string): Promise<Uint8Array> {
    const bytes = await this.#inbox.take(count);
    if (!bytes) throw gone(when);
    return bytes;
  }

  /** Reads one frame; of what is too large no more than its length. */
  async #frame(when: string, room: number = MAX_COMMAND): Promise<{ flags: number; body: Uint8Array }> {
    const [flags, short] = (await this.#take(2, when)) as unknown as [number, number];
    if (flags > 7 || (flags & wire.COMMAND && flags & wire.MORE)) throw protocol("frame");
    const size = flags & wire.LONG ? wire.number(await this.#take(7, when), short) : short;
    const most = flags & wire.COMMAND ? MAX_COMMAND : room;
    if (size > most) throw fault("too_large", `${size} bytes, over ${most}`);
    return { flags, body: await this.#take(size, when) };
  }

  async #obey(body: Uint8Array): Promise<unknown> {
    const { name, data = body } = wire.splitCommand(body);
    const context = data.subarray(2); // behind its time to live
    if (name === "PING" && data.length >= 2 && context.length <= MAX_CONTEXT) return this.write(wire.command("PONG", context));
    if (!name || ["ERROR", "READY", "PING"].includes(name)) throw protocol("command");
  }
}

function gone(when: string): Error {
  return fault("closed", `the peer has closed ${when}`);
}
