import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MANIFEST_VERSION,
  parseManifest,
} from "../../../src/shared/model/manifest.ts";

test("refuses a newer schema version, saying what to do", () => {
  assert.throws(() => parseManifest({ schema_version: MANIFEST_VERSION + 1 }), {
    code: "bundle_too_new",
    message: /Update florence/u,
  });
});

test("refuses what is not a manifest, naming the field", () => {
  assert.throws(() => parseManifest({ schema_version: MANIFEST_VERSION }), {
    code: "bundle_invalid",
    message: /at id/u,
  });
  assert.throws(() => parseManifest("a text"), { code: "bundle_invalid" });
  assert.throws(() => parseManifest(null), { code: "bundle_invalid" });
});
