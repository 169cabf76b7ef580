// What the layers of a model see of photos: it answers about them in f32, on the
// kernels, and every layer's inputs and their products are summed up.

import { NODE_KERNELS } from "../../node/open-bundle.ts";
import { bundleFolder } from "../../node/bundle-folder.ts";
import { generate } from "../../shared/generate/generate.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { ARENA_START } from "../../shared/model/edge/arena.ts";
import type { EdgePlan } from "../../shared/model/edge/edge-plan.ts";
import { readEdgePlan } from "../../shared/model/edge/edge-model.ts";
import type { KernelExports } from "../../shared/model/edge/kernels.ts";
import { type LoadedModel, openModel } from "../../shared/model/open-model.ts";
import { findTask } from "../../shared/tasks/index.ts";
import { promptIds } from "../../shared/tasks/task.ts";
import { convolutionInSteps } from "../../shared/model/edge/convolution-steps.ts";
import type { Gram } from "./round-weights.ts";

/** Sums by the name of a matrix. */
export type Grams = ReadonlyMap<string, Gram>;

type GrowingGram = Omit<Gram, "rows"> & { rows: number };

const VISION = "model.vision_tower.";

/** Whether a matrix is of the vision side. */
export function isOfVision(name: string): boolean {
  return name.startsWith(VISION);
}

/** Rows of one product that are looked at, evenly spread. */
const SEEN_ROWS = 64;
/** Of one answer. */
const MAX_TOKENS = 40;
/** What is asked of each photo. */
const TASKS = ["caption", "caption:detailed", "detect"];

/**
 * Watches a bundle for the kernels, in f32, answer about photos. Where only
 * matrices of the vision side are watched, photos are only seen.
 *
 * @param folder of the bundle.
 * @param watched names of matrices.
 * @throws FlorenceError `bundle_invalid`, `engine_unavailable`.
 */
export async function watchLayers(
  folder: string,
  photos: readonly RgbImage[],
  watched: ReadonlySet<string>,
): Promise<Grams> {
  const bundle = bundleFolder(folder);
  const grams = new Map<string, GrowingGram>();
  const names = matrixNames(await readEdgePlan(bundle), watched);
  const answers = [...watched].some((name) => !isOfVision(name));
  const loaded = await openModel(bundle, null, {
    ...NODE_KERNELS,
    watch: (run, memory) => watch(run, memory, names, grams),
  });
  try {
    for (const photo of photos) {
      if (answers) await answer(loaded, photo);
      else await loaded.model.encode([photo]);
    }
  } finally {
    await loaded.model.dispose();
  }
  for (const gram of grams.values()) mirror(gram);
  return grams;
}

async function answer(
  { model, tokenizer, manifest }: LoadedModel,
  image: RgbImage,
): Promise<void> {
  const spellings = TASKS.filter((task) => manifest.tasks.includes(task));
  const size = { width: 1, height: 1 };
  const asked = spellings.map((spelling) => {
    const task = findTask(spelling)!;
    const [parts = []] = task.prompts(task.example, {
      tokenizer,
      image: size,
      scale: size,
      pointer: "",
    });
    return promptIds(parts, tokenizer);
  });
  const [features] = await model.encode([image]);
  const prompts = asked.map((ids) => ({ features: features!, ids }));
  const state = await model.start(prompts);
  try {
    await generate(state, [...prompts.keys()], {
      spec: manifest.generation,
      numBeams: 1,
      maxTokens: MAX_TOKENS,
    });
  } finally {
    await state.dispose();
  }
}

/** Matrices by where they lie in the arena. */
function matrixNames(
  { tensors }: EdgePlan,
  watched: ReadonlySet<string>,
): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [name, tensor] of Object.entries(tensors)) {
    if (watched.has(name) && tensor.kind === "f32") {
      names.set(ARENA_START + tensor.offset, name);
    }
  }
  return names;
}

function watch(
  run: KernelExports,
  memory: WebAssembly.Memory,
  names: ReadonlyMap<number, string>,
  grams: Map<string, GrowingGram>,
): KernelExports {
  const floats = (at: number, count: number): Float32Array =>
    new Float32Array(memory.buffer, at, count);

  /** Adds rows that a matrix is multiplied with. */
  const see = (w: number, rows: readonly Float32Array[]): void => {
    const name = names.get(w);
    const size = rows[0]?.length ?? 0;
    if (name === undefined || size === 0) return;
    let gram = grams.get(name);
    if (gram === undefined) {
      gram = emptyGram(size);
      grams.set(name, gram);
    }
    for (const row of rows) addRow(gram, row);
  };
  const pick = (x: number, stride: number, m: number, k: number) => {
    const step = Math.max(1, Math.ceil(m / SEEN_ROWS));
    const rows: Float32Array[] = [];
    for (let row = 0; row < m; row += step) {
      rows.push(floats(x + row * stride, k));
    }
    return rows;
  };

  const watched: KernelExports = {
    ...run,
    f32Product(x, strideX, m, k, n, w, ...rest) {
      see(w, pick(x, strideX, m, k));
      run.f32Product(x, strideX, m, k, n, w, ...rest);
    },
    f32FeedForward(x, strideX, m, k, hidden, n, w1, bias1, w2, ...rest) {
      const rows = pick(x, strideX, m, k);
      see(w1, rows);
      const weights = floats(w1, k * hidden);
      const bias = floats(bias1, hidden);
      see(
        w2,
        rows.map((row) => hiddenOf(row, weights, bias)),
      );
      run.f32FeedForward(x, strideX, m, k, hidden, n, w1, bias1, w2, ...rest);
    },
  };
  return { ...watched, ...convolutionInSteps(watched) };
}

function emptyGram(size: number): GrowingGram {
  return {
    size,
    sums: new Float64Array(size * size),
    totals: new Float64Array(size),
    rows: 0,
  };
}

/** Products are added up on one side of the diagonal, and copied in the end. */
function mirror({ size, sums }: GrowingGram): void {
  for (let a = 0; a < size; a += 1) {
    for (let b = 0; b < a; b += 1) sums[a * size + b] = sums[b * size + a]!;
  }
}

function addRow(gram: GrowingGram, row: Float32Array): void {
  const { size, sums, totals } = gram;
  gram.rows += 1;
  for (let a = 0; a < size; a += 1) {
    const value = row[a]!;
    if (value === 0) continue;
    totals[a]! += value;
    const line = a * size;
    for (let b = a; b < size; b += 1) sums[line + b]! += value * row[b]!;
  }
}

/** GELU(x W + b): what the second layer of a pair is given. */
function hiddenOf(
  x: Float32Array,
  weights: Float32Array, // [hidden / 8, k, 8]
  bias: Float32Array,
): Float32Array {
  const k = x.length;
  return Float32Array.from(bias, (start, column) => {
    const panel = Math.floor(column / 8) * 8 * k + (column % 8);
    let sum = start;
    for (let at = 0; at < k; at += 1) sum += x[at]! * weights[panel + at * 8]!;
    return gelu(sum);
  });
}

/** By the error function's series of Abramowitz and Stegun 7.1.26, to 2e-7. */
function gelu(x: number): number {
  const z = Math.abs(x) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * z);
  const series =
    t *
    (0.254829592 +
      t *
        (-0.284496736 +
          t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = Math.sign(x) * (1 - series * Math.exp(-z * z));
  return 0.5 * x * (1 + erf);
}
