import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openFolderBlobs } from "../../src/server/folder-blobs.ts";

const folder = await mkdtemp(join(tmpdir(), "blobs-"));
after(() => rm(folder, { recursive: true }));
const blobs = openFolderBlobs(folder);

test("gives back what was put, until it is deleted", async () => {
  await blobs.put("a/b é.jpg", Uint8Array.of(1, 2), "image/jpeg");
  const blob = await blobs.get("a/b é.jpg");
  assert.deepEqual(blob, { bytes: Uint8Array.of(1, 2), mediaType: "image/jpeg" }); // prettier-ignore
  await blobs.delete(["a/b é.jpg", "a/none"]);
  assert.equal(await blobs.get("a/b é.jpg"), null);
});

test("reads a file that was laid there by hand", async () => {
  await mkdir(join(folder, "one"));
  await writeFile(join(folder, "one", "photo.jpg"), "x");
  const blob = await blobs.get("one/photo.jpg");
  assert.equal(blob?.mediaType, "application/octet-stream");
  assert.equal(blob.bytes.length, 1);
});

test("finds nothing where there is none, be it a folder or no possible name", async () => {
  for (const key of ["none", "one", "one/photo.jpg/x", "x".repeat(500)]) {
    assert.equal(await blobs.get(key), null, key);
  }
});
