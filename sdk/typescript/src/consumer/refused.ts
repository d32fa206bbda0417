/** A delivery fails the check of that name: do not act on it, and do not acknowledge it. */
export class Refused extends Error {
  override readonly name = "Refused";
  /**
   * frames, kid, block, root, channel, event, topic, identity or expired; with producers
   * also transformed, and dsse_ and what is wrong with the signature; in a consumer also
   * size, reply (no lease, or no address that can be connected to), and other: a fault
   * of the checks' own.
   */
  readonly check: string;

  constructor(check: string) {
    super(check);
    this.check = check;
  }
}

export function must(holds: boolean, check: string): asserts holds {
  if (!holds) throw new Refused(check);
}
