/** Reports whether nobody between can read what goes to an address, or answer for it: over TLS, or on this machine. */
export function isSealed({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && /^(127\.[\d.]+|\[::1\])$/.test(hostname)); // a name is never loopback
}
