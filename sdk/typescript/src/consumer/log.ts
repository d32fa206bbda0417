/** One line of what a consumer has to say. */
export interface Note {
  readonly level: "info" | "warn" | "error";
  /** On its own a whole sentence, without secrets; "refused: " and the check, for example. */
  readonly text: string;
  /** What was thrown. */
  readonly cause?: unknown;
}

/** Takes notes, for example ({ level, text }) => console[level](text). */
export type Log = (note: Note) => void;

/** Makes sure that a log that throws costs its note and nothing else. */
export function steady(log: Log | undefined): Log {
  return (note) => {
    try {
      log?.(note);
    } catch {
      // there is nobody to tell
    }
  };
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return "something was thrown that has no text";
  }
}

/** The same on one line and short, for a note. */
export function brief(thrown: unknown): string {
  return messageOf(thrown).replace(/[\0-\x1f\x7f]+/g, " ").slice(0, 256);
}
