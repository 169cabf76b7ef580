// Vectors made by the official tools, with `vectors/make_metric_vectors.py`.

import { readFileSync } from "node:fs";

/** Both sum the same float64 terms, in another order: far below this. */
export const TOLERANCE = 1e-6;

/** The rows of a file in `vectors`. */
export function readVectors(name: string): readonly unknown[] {
  const url = new URL(`vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as readonly unknown[];
}

/** Whether two figures are the same, two missing ones too. */
export function isNear(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a === b;
  return Math.abs(a - b) <= TOLERANCE;
}
