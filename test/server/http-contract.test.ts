// The HTTP contract on Node: every case of test/contract/http, over one
// `florence serve` that asks for keys.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import type { HttpCase } from "../contract/http/http-case.ts";
import { startNodeTarget, type NodeTarget } from "./node-target.ts";

const FOLDER = new URL("../contract/http/", import.meta.url);

let target: NodeTarget;

before(async () => {
  target = await startNodeTarget();
});
after(() => target.close());

for (const file of readdirSync(FOLDER).filter(isCases)) {
  const { CASES } = (await import(new URL(file, FOLDER).href)) as {
    readonly CASES?: readonly HttpCase[];
  };
  if (CASES === undefined) continue;
  assert.ok(CASES.length > 0, `${file} has cases`);
  for (const one of CASES) {
    test(`${file.replace(/\.ts$/u, "")}: ${one.name}`, async () => {
      await one.run(target);
    });
  }
}

function isCases(file: string): boolean {
  return file.endsWith(".ts") && file !== "http-case.ts";
}
