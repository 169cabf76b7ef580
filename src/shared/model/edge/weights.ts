// Weights in the arena: loaded file by file, then found by name.

import { FlorenceError } from "../../errors.ts";
import type { BundleSource } from "../bundle-source.ts";
import { type Arena, ARENA_START } from "./arena.ts";
import { type EdgeMatrix, type EdgePlan, weightBytes } from "./edge-plan.ts";

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
}

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
  for (const { file, bytes, sha256 } of plan.weights) {
    const data = await bundle.read(file);
    if (data.length !== bytes || (await hashOf(data)) !== sha256) {
      throw new FlorenceError(
        "bundle_invalid",
        `${file} of ${bundle.name} is not the file that edge.json describes (${data.length} bytes, ${bytes} expected, or another hash). Copy the bundle again, or convert the model again.`,
      );
    }
    arena.bytes(at, bytes).set(data);
    at += bytes;
  }
}

async function hashOf(data: Uint8Array): Promise<string> {
  // A file read from a bundle is over plain memory.
  const source = data as Uint8Array<ArrayBuffer>;
  const digest = await crypto.subtle.digest("SHA-256", source);
  const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
  return Array.from(new Uint8Array(digest), hex).join("");
}

/** Finds weights by name. */
export function findWeights(plan: EdgePlan): Weights {
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
    if (tensor.kind === "vector") return ARENA_START + tensor.offset;
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
        weights: ARENA_START + tensor.offset,
        scales: tensor.kind === "int8" ? ARENA_START + tensor.scales : 0,
        bias: vector(`${name}.bias`),
      };
    },
  };
}

function wrongKind(name: string, wanted: string): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `${name} of edge.json is not ${wanted}. Convert the model again with florence convert.`,
  );
}
