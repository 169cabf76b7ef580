// The HTTP contract as tests: every case of this folder, over one target.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import type { HttpCase } from "./http-case.ts";
import type { ClosableTarget } from "./keyed-target.ts";

/** Registers a test for each case; the target is started before the first. */
export async function runHttpContract(
  start: () => Promise<ClosableTarget>,
): Promise<void> {
  let target: ClosableTarget;
  before(async () => {
    target = await start();
  });
  after(() => target.close());

  for (const file of readdirSync(import.meta.dirname).sort()) {
    if (file === "run-contract.ts" || !file.endsWith(".ts")) continue;
    const { CASES } = (await import(`./${file}`)) as {
      readonly CASES?: readonly HttpCase[];
    };
    if (CASES === undefined) continue;
    assert.ok(CASES.length > 0, `${file} has cases`);
    for (const one of CASES) {
      test(`${file.replace(/\.ts$/u, "")}: ${one.name}`, async (context) => {
        const reason = await one.run(target);
        if (typeof reason === "string") context.skip(reason);
      });
    }
  }
}
