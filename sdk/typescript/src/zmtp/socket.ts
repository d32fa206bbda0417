/** What a connection has to have: that of cloudflare:sockets does. */
export interface SocketLike {
  readonly readable: { getReader(): ReaderLike };
  readonly writable: { getWriter(): WriterLike };
  /** Settles when the connection is made, or cannot be. Without it, it is made. */
  readonly opened?: Promise<unknown>;
  /** Settles when the connection has ended. */
  readonly closed?: Promise<unknown>;
  close(): Promise<unknown>;
}

export interface ReaderLike {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
}

export interface WriterLike {
  write(bytes: Uint8Array): Promise<unknown>;
}

/** `connect` of cloudflare:sockets, or of another platform in the same shape. */
export type Connect = (
  address: { hostname: string; port: number },
  options: { secureTransport: "on" | "off"; allowHalfOpen: boolean },
) => SocketLike;
