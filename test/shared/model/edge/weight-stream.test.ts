import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { BundleSource } from "../../../../src/shared/model/bundle-source.ts";
import { createArena } from "../../../../src/shared/model/edge/arena.ts";
import type { EdgePlan } from "../../../../src/shared/model/edge/edge-plan.ts";
import type {
  Phase,
  PhasePlan,
} from "../../../../src/shared/model/edge/phases.ts";
import {
  placeInRing,
  READ_AHEAD_BYTES,
} from "../../../../src/shared/model/edge/phases.ts";
import { segmentsOf } from "../../../../src/shared/model/edge/segments.ts";
import { createWeightStream } from "../../../../src/shared/model/edge/weight-stream.ts";
import { checksum } from "../../../kernels/twins/checksum.ts";

const MIB = 2 ** 20;
const START = 1024;

/** Seven segments of 3 MiB, each byte of a file its number. */
const SIZES = [3, 3, 3, 3, 3, 12, 3].map((mebibytes) => mebibytes * MIB);

function bytesOf(file: string): Uint8Array {
  const at = Number(file);
  return new Uint8Array(SIZES[at]!).fill(at + 1);
}

function smallPlan(): EdgePlan {
  const tensors: EdgePlan["tensors"] = {};
  const weights: EdgePlan["weights"] = [];
  let offset = 0;
  for (const [at, bytes] of SIZES.entries()) {
    const name = `model.vision_tower.convs.${at}.conv.bias`;
    tensors[name] = { kind: "vector", offset, count: bytes / 4 };
    const sha256 = createHash("sha256")
      .update(bytesOf(String(at)))
      .digest("hex");
    weights.push({ file: String(at), bytes, sha256 });
    offset += bytes;
  }
  return { tensors, weights } as unknown as EdgePlan;
}

function streamOf(read: BundleSource["read"]) {
  const plan = smallPlan();
  const streamed = placeInRing(segmentsOf(plan), START);
  const base = Math.max(...streamed.map(({ end }) => end));
  const vision: Phase = {
    name: "vision",
    resident: [],
    streamed,
    base,
    end: base,
  };
  const phases = {
    phases: { vision },
    heapStart: base,
  } as unknown as PhasePlan;
  const arena = createArena(new WebAssembly.Memory({ initial: 1 }), base);
  const run = {
    checksum: (at: number, count: number) => checksum(arena.bytes(at, count)),
  };
  const bundle = { name: "b", read };
  const weights = createWeightStream(plan, phases, bundle, arena, run);
  return { weights, arena, base };
}

const fromMemory = (file: string): Promise<Uint8Array> =>
  Promise.resolve(bytesOf(file));

/** Gives reading all the turns it may want. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
}

test("reads on while a segment is in use, and at most 8 MiB ahead", async () => {
  const { weights, arena, base } = streamOf(fromMemory);
  let needed = 0;
  for (const [at, bytes] of SIZES.entries()) {
    await weights.ready(`vision.${at}`);
    needed += bytes;
    await rest();
    ok(weights.bytesRead() <= needed + READ_AHEAD_BYTES, `at segment ${at}`);
    const place = weights.vector(`model.vision_tower.convs.${at}.conv.bias`);
    // What is in use is whole, whatever was read meanwhile.
    deepEqual(new Set(arena.bytes(place, bytes)), new Set([at + 1]));
  }
  equal(weights.bytesRead(), needed);
  ok(base < START + needed, "the ring is smaller than the weights");
});

test("reads ahead at all", async () => {
  const { weights } = streamOf(fromMemory);
  await weights.ready("vision.0");
  // Files are hashed on threads of their own, in their own time.
  const endMs = Date.now() + 20_000;
  while (weights.bytesRead() < 9 * MIB && Date.now() < endMs) await rest();
  await rest();
  equal(weights.bytesRead(), 9 * MIB);
});

test("begins anew with the first segment, and reads what is gone", async () => {
  const { weights, arena } = streamOf(fromMemory);
  for (let round = 0; round < 2; round += 1) {
    for (const at of SIZES.keys()) await weights.ready(`vision.${at}`);
    await weights.ready("vision.0");
    const place = weights.vector("model.vision_tower.convs.0.conv.bias");
    deepEqual(new Set(arena.bytes(place, SIZES[0]!)), new Set([1]));
  }
});

test("reads no more once it is stopped", async () => {
  const { weights } = streamOf(fromMemory);
  await weights.ready("vision.0");
  weights.stop();
  const read = weights.bytesRead();
  await rest();
  equal(weights.bytesRead(), read);
});

test("tells whoever waits that a file cannot be read", async () => {
  const { weights } = streamOf((file) =>
    file === "2" ? Promise.reject(new Error("gone")) : fromMemory(file),
  );
  await weights.ready("vision.1");
  await rejects(weights.ready("vision.2"), /gone/u);
});

test("names a file that was right once and is not any more", async () => {
  let isDamaged = false;
  const { weights } = streamOf((file) => {
    const bytes = bytesOf(file);
    if (isDamaged && file === "1") bytes[12_345]! ^= 4;
    return Promise.resolve(bytes);
  });
  for (const at of SIZES.keys()) await weights.ready(`vision.${at}`);
  isDamaged = true;
  await weights.ready("vision.0");
  await rejects(
    weights.ready("vision.1"),
    /^FlorenceError: 1 of b is not the/u,
  );
  isDamaged = false;
  await weights.ready("vision.1");
});

test("names a file whose bytes are wrong from the start", async () => {
  const { weights } = streamOf((file) =>
    Promise.resolve(file === "1" ? new Uint8Array(SIZES[1]!) : bytesOf(file)),
  );
  await weights.ready("vision.0");
  for (let time = 0; time < 2; time += 1) {
    await rejects(weights.ready("vision.1"), /1 of b is not the file/u);
  }
});

test("refuses a file that two segments share", () => {
  const plan = smallPlan();
  const [first, second, ...rest] = plan.weights;
  const joined = { ...first!, bytes: first!.bytes + second!.bytes };
  throws(() => {
    segmentsOf({ ...plan, weights: [joined, ...rest] });
  }, /belongs to vision\.0 and to what comes after it/u);
});
