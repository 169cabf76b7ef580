import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveBytes, seal, unseal } from "../../src/http/seal.ts";

const SECRET = "a secret of the tests, long enough";

test("opens what it sealed, for the same purpose and with the same secret only", async () => {
  const text = "whsec_Straße🚲";
  const sealed = await seal(SECRET, "endpoint:we_1", text);
  assert.ok(!sealed.includes("whsec"));
  assert.equal(await unseal(SECRET, "endpoint:we_1", sealed), text);
  assert.equal(await unseal(SECRET, "endpoint:we_2", sealed), null);
  assert.equal(await unseal(`${SECRET}.`, "endpoint:we_1", sealed), null);
  const bytes = Buffer.from(sealed, "base64");
  for (const at of [0, 12, bytes.length - 1]) {
    const broken = Buffer.from(bytes);
    broken[at] = broken[at]! ^ 1;
    const given = broken.toString("base64");
    assert.equal(await unseal(SECRET, "endpoint:we_1", given), null);
  }
  for (const given of ["", "AAAA", "no base64!"]) {
    assert.equal(await unseal(SECRET, "endpoint:we_1", given), null);
  }
});

test("seals the same text differently each time, and derives the same key", async () => {
  const [one, two] = await Promise.all([
    seal(SECRET, "a", "text"),
    seal(SECRET, "a", "text"),
  ]);
  assert.notEqual(one, two);
  const derived = await deriveBytes(SECRET, "a");
  assert.deepEqual(await deriveBytes(SECRET, "a"), derived);
  assert.notDeepEqual(await deriveBytes(SECRET, "b"), derived);
});
