/** Where a router's ZeroMQ door is, in the words of `connect`. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
  readonly secureTransport: "on" | "off";
}

/** Reads tcp://host:port and tls://host:port. Throws TypeError for anything else. */
export function parseAddress(text: string): Address {
  const [, scheme, hostname = "", digits] = /^(tcp|tls):\/\/([\w.-]+|\[[\dA-Fa-f:.]+]):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port > 0 && port < 65536)) throw new TypeError("an address is tcp://host:port or tls://host:port");
  return { hostname, port, secureTransport: scheme === "tls" ? "on" : "off" };
}
