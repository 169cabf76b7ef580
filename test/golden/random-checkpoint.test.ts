// The TypeScript writer gives the very bytes that the goldens were made with.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ModelGolden } from "./measure-exactness.ts";
import {
  fingerprint,
  loadRecipe,
  recipeNames,
  writeRandomCheckpoint,
} from "./random-checkpoint.ts";

for (const name of recipeNames()) {
  test(`writes the reference's weights of ${name}`, async () => {
    const path = join(import.meta.dirname, "models", `${name}.json`);
    const golden = JSON.parse(readFileSync(path, "utf8")) as ModelGolden;
    const folder = mkdtempSync(join(tmpdir(), "florence-golden-"));
    try {
      writeRandomCheckpoint(folder, loadRecipe(name));
      const hashes = await fingerprint(folder);
      for (const [file, hash] of Object.entries(golden.weights_sha256)) {
        assert.equal(hashes.get(file), hash, file);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
