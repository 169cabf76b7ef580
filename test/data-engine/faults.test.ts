// Every phase killed with -9, and with no room left: what was written stays, the
// same call ends what was begun, and comes to what an uncut run comes to.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MODEL_IN_THE_BOX } from "../../src/node/model-in-the-box.ts";
import { runPhase, type PhaseCall } from "./phases.ts";
import { DETECTOR, HUMAN, caption, object, record } from "./make-records.ts"; // prettier-ignore
import { temporaryFolder } from "./temporary-folder.ts";

const SCRIPT = fileURLToPath(new URL("run-phase.ts", import.meta.url));

/** A phase: its call for an output of a name, and the files that are its work. */
interface Phase {
  call(out: string): PhaseCall;
  /** The file whose lines are written one by one. */
  lines(out: string): string;
  /** Files that are written after it. */
  later(out: string): readonly string[];
}

const PHOTOS = ["surfer.jpg", "bear.jpg", "street.jpg"];

async function copyPhotos(folder: string): Promise<string> {
  const photos = join(folder, "photos");
  await mkdir(photos);
  for (const name of PHOTOS)
    await cp(join("examples/photos", name), join(photos, name));
  return photos;
}

async function annotating(folder: string): Promise<Phase> {
  const photos = await copyPhotos(folder);
  const labels = join(folder, "labels.jsonl");
  const text = { kind: "text", level: "brief", text: "a bear on a board" };
  await writeFile(labels, linesOf(PHOTOS.map((photo) => ({ photo, annotations: [text] })))); // prettier-ignore
  const file = (out: string): string => join(folder, `${out}.jsonl`);
  return {
    call: (out) => ({ phase: "annotate", photos, out: file(out), labels }),
    lines: file,
    later: () => [],
  };
}

async function filtering(folder: string): Promise<Phase> {
  const records = join(folder, "said.jsonl");
  const said = Array.from({ length: 300 }, (_, at) => {
    const path = `${String(at).padStart(3, "0")}.webp`;
    const dog = object(DETECTOR, "dog", [0, 0, 90, 90]);
    return record(path, [dog, caption(DETECTOR, "a dog")], { by: DETECTOR });
  });
  await writeFile(records, linesOf(said));
  const file = (out: string): string => join(folder, `${out}.jsonl`);
  return {
    call: (out) => ({ phase: "filter", records, out: file(out) }),
    lines: file,
    later: () => [],
  };
}

async function refining(folder: string): Promise<Phase> {
  const photos = await copyPhotos(folder);
  const records = join(folder, "kept.jsonl");
  const person = object(HUMAN, "person", [303, 80, 426, 251], null);
  await writeFile(records, linesOf(PHOTOS.map((name) => record(name, [person])))); // prettier-ignore
  const train = `ln -s "${MODEL_IN_THE_BOX}" "$FLORENCE_BUNDLE"`;
  const at = (out: string, ...path: string[]): string => join(folder, out, ...path); // prettier-ignore
  return {
    call: (out) => ({ phase: "refine", photos, records, out: at(out), train }),
    lines: (out) => at(out, "round-1", "annotations.jsonl"),
    later: (out) => [at(out, "round-1", "records.jsonl"), at(out, "rounds.jsonl")], // prettier-ignore
  };
}

function linesOf(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

/** Whole lines; what follows the last of them is no line. */
async function linesIn(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").slice(0, -1);
}

/** Runs a phase where no file may grow beyond a limit. */
function runWithoutRoom(call: PhaseCall, limitKb: number) {
  // Node ignores SIGXFSZ, so that the write itself fails, as it does on a full
  // disk.
  const script = `ulimit -f ${limitKb}; exec "$0" "$@"`;
  const argv = [process.execPath, SCRIPT, JSON.stringify(call)];
  return spawnSync("bash", ["-c", script, ...argv], { encoding: "utf8" });
}

for (const [name, setUp] of [
  ["annotate", annotating],
  ["filter", filtering],
  ["refine", refining],
] as const) {
  test(`${name} loses nothing when it is killed or finds no room`, async (t) => {
    const phase = await setUp(await temporaryFolder(t));
    const outcome = async (out: string): Promise<string[]> =>
      (await Promise.all([phase.lines(out), ...phase.later(out)].map(linesIn))).flat(); // prettier-ignore
    await runPhase(phase.call("uncut"));
    const whole = await outcome("uncut");
    const written = await linesIn(phase.lines("uncut"));
    assert.ok(written.length >= PHOTOS.length);

    const child = spawn(process.execPath, [SCRIPT, JSON.stringify(phase.call("killed"))]); // prettier-ignore
    child.stdout.once("data", () => child.kill("SIGKILL"));
    await once(child, "exit");
    const before = await linesIn(phase.lines("killed"));
    assert.ok(before.length > 0);
    await runPhase(phase.call("killed"));
    const after = await linesIn(phase.lines("killed"));
    assert.deepEqual(after.slice(0, before.length), before);
    assert.deepEqual(await outcome("killed"), whole);

    // Room for the first line, and not for all.
    const kb = Math.ceil(Buffer.byteLength(written[0]!) / 1024);
    assert.ok(kb * 1024 < Buffer.byteLength(written.join("\n")));
    const full = runWithoutRoom(phase.call("full"), kb);
    assert.equal(full.status, 3, full.stderr);
    assert.match(full.stderr, /What was written before is whole\. Make room, then run the same command again/u); // prettier-ignore
    const fitted = await linesIn(phase.lines("full"));
    assert.deepEqual(fitted, written.slice(0, fitted.length));
    await runPhase(phase.call("full"));
    assert.deepEqual(await outcome("full"), whole);
  });
}
