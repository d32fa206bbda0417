/** What a consumer or a subscriber did since it was made. */
export interface Counts {
  /** Deliveries that passed every check. */
  opened: number;
  /** Deliveries that were left unacknowledged, by the check that they failed. */
  refused: Record<string, number>;
  /** Pieces of work, by how they ended. */
  done: number;
  retried: number;
  failed: number;
  /** Of retried, where work threw anything but Retry; a subscriber's too. */
  thrown: number;
  /** Deliveries of an event that was done, or held already. */
  repeated: number;
  /** Replies given up: the router could not be reached. */
  unsent: number;
}

export function counts(): Counts {
  return { opened: 0, refused: {}, done: 0, retried: 0, failed: 0, thrown: 0, repeated: 0, unsent: 0 };
}
