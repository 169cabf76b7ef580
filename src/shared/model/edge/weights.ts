// Weights in the arena: loaded file by file, then found by name.

import { FlorenceError } from "../../errors.ts";
import type { BundleSource } from "../bundle-source.ts";
import { type Arena, ARENA_START } from "./arena.ts";
import { type EdgeMatrix, type EdgePlan, weightBytes } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";

/** One linear layer as the kernels take it; pointers into the arena. */
export interface Linear {
  readonly kind: EdgeMatrix["kind"];
  /** Outputs and inputs, rounded up as packed. */
  readonly n: number;
  readonly k: number;
  /** Inputs that share a scale; k where they all do. */
  readonly group: number;
  readonly weights: number;
  /** Scales of columns; 0 but for one-byte weights. */
  readonly scales: number;
  readonly bias: number;
}

/** A model's weights. */
export interface Weights {
  /** Where a vector lies. */
  vector(name: string): number;
  /** A layer and its bias, `NAME.weight` and `NAME.bias`. */
  linear(name: string): Linear;
  /**
   * Resolves when the weights of a segment are in the arena. They stay there
   * until the next is asked for.
   *
   * @throws FlorenceError `bundle_invalid` if they cannot be read.
   */
  ready(segment: string): Promise<void>;
}

/** Where a place in the weights is in the arena. */
export type Placement = (offset: number) => number;

/** All weights, one after another, at the arena's start. */
const WHOLE: Placement = (offset) => ARENA_START + offset;

/** Where weights end in the arena. */
export function weightsEnd(plan: EdgePlan): number {
  return ARENA_START + weightBytes(plan);
}

/**
 * Copies the files of weights to the start of the arena, one in JavaScript's
 * memory at a time.
 *
 * @throws FlorenceError `bundle_invalid`, naming the file, if one has not the
 *   bytes or the hash it should have.
 */
export async function loadWeights(
  plan: EdgePlan,
  bundle: BundleSource,
  arena: Arena,
): Promise<void> {
  arena.reach(weightsEnd(plan));
  let at = ARENA_START;
  for (const file of plan.weights) {
    await loadFile(file, bundle, arena, at);
    at += file.bytes;
  }
}

/** A file of weights as `edge.json` describes it. */
export type WeightFile = EdgePlan["weights"][number];

/** Whether the bytes of a file at a place are those it should have. */
export type IsRight = (file: WeightFile, at: number) => Promise<boolean>;

/**
 * Copies one file of weights to `at`: in pieces where the bundle can stream.
 *
 * @param isWanted asked before each piece is written: the place may be another's
 *   by then.
 * @param isRight by the hash if left out.
 * @returns false if it is not wanted any more.
 * @throws FlorenceError `bundle_invalid`, naming the file, if it has not the
 *   bytes or the hash it should have.
 */
export async function loadFile(
  described: WeightFile,
  bundle: BundleSource,
  arena: Arena,
  at: number,
  isWanted: () => boolean = () => true,
  isRight: IsRight = byHash(arena),
): Promise<boolean> {
  const { file, bytes } = described;
  let length = 0;
  const take = (piece: Uint8Array): void => {
    const room = Math.max(0, bytes - length);
    arena
      .bytes(at, bytes)
      .set(piece.subarray(0, room), Math.min(length, bytes));
    length += piece.length;
  };
  for await (const piece of bundle.stream?.(file) ?? [bundle.read(file)]) {
    if (!isWanted()) return false;
    take(piece);
  }
  const isSame = length === bytes && (await isRight(described, at));
  if (!isWanted()) return false;
  if (isSame) return true;
  throw new FlorenceError(
    "bundle_invalid",
    `${file} of ${bundle.name} is not the file that edge.json describes (${length} bytes, ${bytes} expected, or another hash). Copy the bundle again, or convert the model again.`,
  );
}

/** By SHA-256. */
export function byHash(arena: Arena): IsRight {
  return async ({ bytes, sha256 }, at) =>
    (await hashOf(arena.bytes(at, bytes))) === sha256;
}

/**
 * By SHA-256 at first, from then on by the kernels' checksum of what was right: a
 * model in phases reads its weights for each picture, and hashing them is a tenth
 * of a small one's time.
 */
export function byHashOnce(
  arena: Arena,
  run: Pick<KernelExports, "checksum">,
): IsRight {
  const isHash = byHash(arena);
  const sums = new Map<string, number>();
  return async (described, at) => {
    const { file, bytes } = described;
    // The checksum takes whole vectors; the converter writes no other files.
    if (bytes % 16 > 0) return await isHash(described, at);
    const sum = run.checksum(at, bytes);
    const before = sums.get(file);
    if (before !== undefined) return sum === before;
    const isSame = await isHash(described, at);
    if (isSame) sums.set(file, sum);
    return isSame;
  };
}

async function hashOf(data: Uint8Array): Promise<string> {
  // Memory that threads share is not taken: a copy of one file is.
  const source =
    data.buffer instanceof ArrayBuffer
      ? (data as Uint8Array<ArrayBuffer>)
      : new Uint8Array(data);
  const digest = await crypto.subtle.digest("SHA-256", source);
  const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
  return Array.from(new Uint8Array(digest), hex).join("");
}

/**
 * Finds weights by name.
 *
 * @param ready as in `Weights`; without it all of them are there.
 */
export function findWeights(
  plan: EdgePlan,
  place: Placement = WHOLE,
  ready: Weights["ready"] = () => Promise.resolve(),
): Weights {
  const find = (name: string): EdgePlan["tensors"][string] => {
    const tensor = plan.tensors[name];
    if (tensor !== undefined) return tensor;
    throw new FlorenceError(
      "bundle_invalid",
      `edge.json has no tensor ${name}. Convert the model again with florence convert.`,
    );
  };
  const vector = (name: string): number => {
    const tensor = find(name);
    if (tensor.kind === "vector") return place(tensor.offset);
    throw wrongKind(name, "a vector");
  };
  return {
    vector,
    linear(name) {
      const tensor = find(`${name}.weight`);
      if (tensor.kind === "vector") throw wrongKind(name, "a matrix");
      return {
        kind: tensor.kind,
        n: tensor.n,
        k: tensor.k,
        group: tensor.kind === "int4" ? tensor.group : tensor.k,
        weights: place(tensor.offset),
        scales: tensor.kind === "int8" ? place(tensor.scales) : 0,
        bias: vector(`${name}.bias`),
      };
    },
    ready,
  };
}

function wrongKind(name: string, wanted: string): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `${name} of edge.json is not ${wanted}. Convert the model again with florence convert.`,
  );
}
