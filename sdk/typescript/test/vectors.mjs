import { readFileSync } from "node:fs";

/** Reads the vectors that all languages share. */
export const vectors = (name) => JSON.parse(readFileSync(new URL(`../../testdata/vectors/${name}.json`, import.meta.url), "utf8"));
