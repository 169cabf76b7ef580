// The same cases in V8's baseline compiler, which translates each instruction
// by itself: one relaxed instruction is suspect there on processors without AVX.

import { match } from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";

const FUZZ = new URL("fuzz.ts", import.meta.url).pathname;
const FLAGS = [
  ["--liftoff-only"],
  ["--liftoff-only", "--no-enable-avx"],
  ["--no-enable-avx-vnni"],
  ["--no-wasm-tier-up", "--no-liftoff"],
];

for (const flags of FLAGS) {
  test(`the chosen variant holds under ${flags.join(" ")}`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...flags,
      FUZZ,
      ...["--cases", "150", "--variants", "best"],
    ]);
    match(stdout, /^(?:dot|pair|plain): \d+ cases .* hold$/mu);
  });
}
