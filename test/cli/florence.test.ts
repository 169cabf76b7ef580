// The real thing: a process, its exit code, its pipes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const FLORENCE = fileURLToPath(
  new URL("../../src/cli/florence.js", import.meta.url),
);

function spawnFlorence(...args: string[]) {
  return spawnSync(process.execPath, [FLORENCE, ...args], {
    encoding: "utf8",
    // From elsewhere: nothing may be looked up in the current folder.
    cwd: tmpdir(),
  });
}

test("runs as a process of its own", () => {
  const { status, stdout, stderr } = spawnFlorence("tasks");
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as unknown[]).length, 15);
  assert.equal(stderr, "");
});

test("ends with the exit code of what went wrong", () => {
  const { status, stdout, stderr } = spawnFlorence("analyze", "--jsn");
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /Did you mean --json\?/u);
});

test("hands over to the Node that was installed where TypeScript cannot run", () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--no-strip-types", FLORENCE, "tasks", "--json"],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as unknown[]).length, 15);
});

test("says what is wrong with a bundle that is none", () => {
  const { status, stderr } = spawnFlorence(
    "analyze",
    fileURLToPath(new URL("../golden/photos/boat.png", import.meta.url)),
    "--model",
    tmpdir(),
  );
  assert.equal(status, 5);
  assert.match(stderr, /^florence: .*florence convert/u);
});
