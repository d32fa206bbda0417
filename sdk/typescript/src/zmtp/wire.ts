// ZMTP 3.1 (ZeroMQ RFC 37), as much of it as a client under mechanism NULL speaks.

export const MORE = 1;
export const LONG = 2;
export const COMMAND = 4;

/** Signature 10 bytes, version 2, mechanism 20, as-server 1, filler 31. */
export const GREETING = 64;

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decoder = new TextDecoder();

/** Reads a length, most significant byte first, that other bytes may begin. */
export const number = (bytes: Uint8Array, begun = 0): number => bytes.reduce((sum, byte) => sum * 256 + byte, begun);

const MECHANISM = "NULL".padEnd(20, "\0");

export function greeting(): Uint8Array {
  return join(Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1), encode(MECHANISM), new Uint8Array(32));
}

/** Tells whether a greeting, or as much of it as has come, is one of ZMTP 3 under NULL. */
export function greets(bytes: Uint8Array): boolean {
  const [first = 0xff, tenth = 0x7f, major = 3] = [bytes[0], bytes[9], bytes[10]];
  if (first !== 0xff || tenth !== 0x7f || major < 3) return false;
  return bytes.length < GREETING || decoder.decode(bytes.subarray(12, 32)) === MECHANISM;
}

export function frame(flags: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  const size = length > 255 ? [flags | LONG, 0, 0, 0, 0, length >>> 24, length >>> 16, length >>> 8, length] : [flags, length];
  return join(Uint8Array.from(size), body);
}

export function command(name: string, data: Uint8Array): Uint8Array {
  return frame(COMMAND, join(Uint8Array.of(name.length), encode(name), data));
}

/** Splits a command's body into name and data; neither is there when it has none. */
export function splitCommand(body: Uint8Array): { name: string; data: Uint8Array } | { name?: never; data?: never } {
  const end = 1 + (body[0] ?? 0);
  return end === 1 || end > body.length ? {} : { name: decoder.decode(body.subarray(1, end)), data: body.subarray(end) };
}

/** READY of a DEALER: the property Socket-Type, its value behind 4 bytes of length. */
export function ready(): Uint8Array {
  return command("READY", encode("\x0bSocket-Type\0\0\0\x06DEALER"));
}

/**
 * Gives the Socket-Type among a READY's properties; undefined when there is none, or
 * when they are not well formed. Names have no case.
 */
export function socketType(data: Uint8Array): string | undefined {
  let found: string | undefined;
  while (data.length > 0) {
    const name = 1 + data[0]!;
    const value = name + 4;
    if (name === 1 || value > data.length) return undefined;
    const end = value + number(data.subarray(name, value));
    if (end > data.length) return undefined;
    if (decoder.decode(data.subarray(1, name)).toLowerCase() === "socket-type") {
      if (found !== undefined) return undefined;
      found = decoder.decode(data.subarray(value, end));
    }
    data = data.subarray(end);
  }
  return found;
}

export function join(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
