// Measures by name, for tests.

import assert from "node:assert/strict";
import type { Measure } from "../../src/evaluate/measures/measure.ts";
import { MEASURES } from "../../src/evaluate/measures/table.ts";

/** The measure of a name; fails where there is none. */
export function measureNamed(name: string): Measure {
  const measure = MEASURES.find((one) => one.name === name);
  assert.ok(measure !== undefined, name);
  return measure;
}
