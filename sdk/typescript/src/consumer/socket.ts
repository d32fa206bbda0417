/** CURVE towards the routers, on the channel and for replies alike: keys in Z85, as `headgate key new --curve` makes them. */
export interface Curve {
  /** The routers' public key. */
  readonly server: string;
  /** The own secret key, and its public half. */
  readonly secret: string;
  readonly public: string;
}

/** The options of a socket; none for plain ZeroMQ, on loopback and ipc. */
export function sealed(curve: Curve | undefined): { curveServerKey?: string; curveSecretKey?: string; curvePublicKey?: string } {
  return curve ? { curveServerKey: curve.server, curveSecretKey: curve.secret, curvePublicKey: curve.public } : {};
}
