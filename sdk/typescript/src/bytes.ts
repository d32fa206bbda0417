/** Encodes text in UTF-8. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Encodes bytes in standard base64 with padding (RFC 4648, section 4). */
export const base64 = (bytes: ArrayBuffer | Uint8Array): string => btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""));

/** Decodes standard base64. Throws for what is none; other spellings of the same it takes. */
export const unbase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Joins bytes, and texts in UTF-8. */
export const join = (...parts: (string | Uint8Array | ArrayBuffer)[]): Promise<ArrayBuffer> => new Blob(parts as BlobPart[]).arrayBuffer();
