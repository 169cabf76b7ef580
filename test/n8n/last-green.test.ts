import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { hashInputs } from "./last-green.ts";

test("the hash changes with what the run tests, not with what it does not", () => {
  const root = mkdtempSync(join(tmpdir(), "florence-green-"));
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  try {
    write("plugins/n8n/nodes/a.ts", "1");
    const before = hashInputs(root);
    write("plugins/n8n/README.md", "read by people");
    write("plugins/n8n/node_modules/b/b.js", "from npm");
    write("test/n8n/nodes.test.ts", "without n8n");
    write("test/n8n/last-green.json", "the note itself");
    write("src/data-engine/c.ts", "another room");
    assert.equal(hashInputs(root), before);
    write("src/http/d.ts", "1");
    const withService = hashInputs(root);
    assert.notEqual(withService, before);
    write("src/http/d.ts", "2");
    assert.notEqual(hashInputs(root), withService);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
