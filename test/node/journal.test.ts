import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openJournal } from "../../src/node/journal.ts";
import { temporaryFolder } from "../data-engine/temporary-folder.ts";

const WRITER = fileURLToPath(new URL("write-journal.ts", import.meta.url));

async function numbersIn(path: string): Promise<number[]> {
  const text = await readFile(path, "utf8");
  assert.ok(text === "" || text.endsWith("\n"), "the last line is whole");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { number: number }).number);
}

test("appends lines in the order of the calls and finds them again", async (t) => {
  const path = join(await temporaryFolder(t), "deep", "a.jsonl");
  const journal = await openJournal(path);
  assert.deepEqual(journal.lines, []);
  await Promise.all([1, 2, 3].map((number) => journal.append({ number })));
  await journal.close();
  const again = await openJournal(path);
  assert.deepEqual(again.lines, [
    '{"number":1}',
    '{"number":2}',
    '{"number":3}',
  ]);
  assert.equal(again.halfLine, null);
  await again.close();
});

test("cuts off a half-written line and tells its number", async (t) => {
  const path = join(await temporaryFolder(t), "a.jsonl");
  await writeFile(path, '{"number":1}\n{"number":2}\n{"numb');
  const journal = await openJournal(path);
  assert.deepEqual(journal.halfLine, { number: 3, bytes: 6 });
  assert.equal(journal.lines.length, 2);
  await journal.append({ number: 3 });
  await journal.close();
  assert.deepEqual(await numbersIn(path), [1, 2, 3]);
});

test("refuses a second writer, and takes over from a dead one", async (t) => {
  const path = join(await temporaryFolder(t), "a.jsonl");
  const journal = await openJournal(path);
  await assert.rejects(
    openJournal(path),
    /is writing beside .*a\.jsonl\.lock/u,
  );
  await journal.close();
  assert.ok(!existsSync(`${path}.lock`));
  const dead = spawnSync(process.execPath, ["-e", ""]);
  await writeFile(`${path}.lock`, String(dead.pid));
  await (await openJournal(path)).close();
});

test("says what to do where nothing can be written", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "file"), "");
  await assert.rejects(
    openJournal(join(folder, "file", "a.jsonl")),
    /Cannot write .* Make room, then run the same command again/u,
  );
});

test("loses nothing that was told as written when it is killed", async (t) => {
  const path = join(await temporaryFolder(t), "a.jsonl");
  const child = spawn(process.execPath, [WRITER, path, "100000"]);
  // Its output ends before it is reaped, and until then it counts as alive.
  const end = once(child, "close");
  let told = "";
  for await (const chunk of child.stdout) {
    told += String(chunk);
    if (told.split("\n").length > 20 && !child.killed) child.kill("SIGKILL");
  }
  await end;
  const last = Number(told.split("\n").findLast((line) => line !== ""));
  const journal = await openJournal(path);
  await journal.close();
  const numbers = await numbersIn(path);
  assert.ok(numbers.length > last, `${numbers.length} lines, ${last} told`);
  assert.deepEqual(numbers, [...numbers.keys()]);
});

test("keeps whole lines when the file may not grow, and goes on once it may", async (t) => {
  const path = join(await temporaryFolder(t), "a.jsonl");
  // 20 kB: the seventh line would be written in part. Node ignores SIGXFSZ, so
  // that the write itself fails, as it does on a full disk.
  const script = `ulimit -f 20; exec "$0" "$@"`;
  const full = spawnSync("bash", [
    "-c",
    script,
    process.execPath,
    WRITER,
    path,
    "10",
  ]);
  assert.equal(full.status, 3, String(full.stderr));
  assert.match(String(full.stderr), /What was written before is whole/u);
  const before = await numbersIn(path);
  assert.deepEqual(before, [...before.keys()]);
  assert.ok(before.length > 0 && before.length < 10);
  const more = spawnSync(process.execPath, [WRITER, path, "10"]);
  assert.equal(more.status, 0, String(more.stderr));
  assert.deepEqual(await numbersIn(path), [...Array(10).keys()]);
});

test("keeps whole lines on a full disk, and goes on once there is room", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a.jsonl");
  // A disk of 16 kB, seen by these commands alone.
  const script = [
    `mount -t tmpfs -o size=16k none ${folder} || exit 77`,
    `"$0" "$@"; echo "full $?"; cat ${path}`,
    `mount -o remount,size=64k ${folder} && "$0" "$@"; echo "more $?"`,
    `wc -l < ${path}`,
  ].join("\n");
  const run = spawnSync(
    "unshare",
    ["-rm", "bash", "-c", script, process.execPath, WRITER, path, "10"],
    { encoding: "utf8" },
  );
  if (run.error !== undefined || run.status === 77) {
    t.skip("this machine lets no test mount a small disk");
    return;
  }
  assert.match(run.stdout, /full 3/u);
  assert.match(run.stderr, /What was written before is whole/u);
  const [, first = ""] =
    /full 3\n([^]*?)4\n5|full 3\n([^]*?)(?=\d+\n)/u.exec(run.stdout) ?? [];
  for (const line of first.split("\n").filter((one) => one.startsWith("{")))
    assert.doesNotThrow(() => JSON.parse(line) as unknown);
  assert.match(run.stdout, /more 0\n10\n$/u);
});

test("reads on behind lines that another program appended whole", async (t) => {
  const path = join(await temporaryFolder(t), "a.jsonl");
  await (await openJournal(path)).close();
  await appendFile(path, '{"number":0}\n');
  const journal = await openJournal(path);
  assert.equal(journal.lines.length, 1);
  await journal.close();
});
