import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openJournal } from "../../src/node/journal.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-journal-"));
after(() => {
  rmSync(folder, { recursive: true });
});

test("keeps whole lines and cuts off a half-written one", async () => {
  const path = join(folder, "half.jsonl");
  writeFileSync(path, '{"a":1}\n{"a":2}\n{"a":');
  const journal = await openJournal(path);
  assert.deepEqual(journal.lines, ['{"a":1}', '{"a":2}']);
  assert.deepEqual(journal.halfLine, { number: 3, bytes: 5 });
  await Promise.all([journal.append({ a: 3 }), journal.append({ a: 4 })]);
  await journal.close();
  assert.equal(readFileSync(path, "utf8"), '{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n'); // prettier-ignore
});

test("is written by one at a time, and by the next when a writer was killed", async () => {
  const path = join(folder, "locked.jsonl");
  const journal = await openJournal(path);
  await assert.rejects(openJournal(path), /is writing beside/u);
  await journal.close();
  // No process has this number.
  writeFileSync(`${path}.lock`, "99999999");
  await (await openJournal(path)).close();
});

test("loses nothing that was written when the disk is full", () => {
  const path = join(folder, "full.jsonl");
  const script = join(folder, "fill.mjs");
  const module = JSON.stringify(new URL("../../src/node/journal.ts", import.meta.url).href); // prettier-ignore
  writeFileSync(
    script,
    `import { openJournal } from ${module};
const journal = await openJournal(${JSON.stringify(path)});
try { for (let at = 0; ; at += 1) await journal.append({ at, filler: "x".repeat(100) }); }
catch (error) { console.log(error.code, error.message); } finally { await journal.close(); }`,
  );
  // A file may not grow beyond four blocks, which fails as a full disk does.
  const run = spawnSync("bash", ["-c", `ulimit -f 4; exec "${process.execPath}" "${script}"`], { encoding: "utf8" }); // prettier-ignore
  assert.match(run.stdout, /^not_found Cannot write .*What was written before is whole/u); // prettier-ignore
  const text = readFileSync(path, "utf8");
  assert.ok(text.endsWith("\n") && text.length > 2000, text.slice(-50));
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line) as { at: number }); // prettier-ignore
  assert.deepEqual(lines.map(({ at }) => at), lines.map((_, at) => at)); // prettier-ignore
});
