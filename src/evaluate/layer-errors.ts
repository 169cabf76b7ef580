// What quantization costs layer by layer: the same photos and the same words run
// through a bundle for the kernels in f32 and through another of the same
// weights, and every product's results are compared.

import { convolutionInSteps } from "../shared/model/edge/convolution-steps.ts";
import { bundleFolder } from "../node/bundle-folder.ts";
import { NODE_KERNELS } from "../node/open-bundle.ts";
import { ARENA_START } from "../shared/model/edge/arena.ts";
import { readEdgePlan } from "../shared/model/edge/edge-model.ts";
import type { EdgePlan } from "../shared/model/edge/edge-plan.ts";
import type { KernelExports } from "../shared/model/edge/kernels.ts";
import { segmentOf } from "../shared/model/edge/segments.ts";
import { type LoadedModel, openModel } from "../shared/model/open-model.ts";
import type { RgbImage } from "../shared/image/rgb-image.ts";
import { replay, withHints, type ReferenceAnswers } from "./agreement.ts";

/** Root mean square errors of a layer's results, as shares of the results. */
export interface LayerError {
  /** Name of the weights; of a pair with GELU between them, the second's. */
  readonly layer: string;
  readonly part: string;
  /** Of the layer alone, given what f32's layer is given. */
  readonly alone: number;
  /** Of all that came before as well. */
  readonly soFar: number;
}

/** Of many rows these are looked at: the first, and then every so many. */
const FIRST_ROWS = 64;
const EVERY_ROWS = 64;
const PAGE = 65_536;
/** Bytes that answers may keep past the arena's end; they are never touched. */
const ARENA_ROOM = 2 ** 26;
const F32 = 4;

/** What was seen of one layer, row after row. */
interface Seen {
  readonly inputs: Float32Array[];
  readonly outputs: Float32Array[];
  /** By the layer alone, over another's inputs. */
  readonly alone: Float32Array[];
  rows: number;
}

type Layers = Map<string, Seen>;

/** Sums of squares. */
interface Sums {
  results: number;
  alone: number;
  soFar: number;
}

/**
 * Compares a bundle's products with those of f32, over the reference's hints
 * and words.
 *
 * @param exact folder of the bundle in f32, `folder` of the other; both for the
 *   kernels.
 * @param inputSize side the photos are brought to; the model's own if left out.
 * @returns layers in the order of their first use.
 * @throws FlorenceError `bundle_invalid`, `engine_unavailable`.
 */
export async function measureLayers(
  exact: string,
  folder: string,
  photos: readonly RgbImage[],
  references: readonly ReferenceAnswers[],
  inputSize?: number,
): Promise<readonly LayerError[]> {
  const sums = new Map<string, Sums>();
  // One photo's rows at a time are held.
  const wanted: Layers = new Map();
  const got: Layers = new Map();
  const reference = await openWatched(exact, wanted, null);
  const other = await openWatched(folder, got, wanted);
  try {
    for (const [index, photo] of photos.entries()) {
      wanted.clear();
      got.clear();
      for (const loaded of [reference, other]) {
        await answerAs(references[index]!, loaded, photo, inputSize);
      }
      addErrors(sums, wanted, got);
    }
  } finally {
    await reference.model.dispose();
    await other.model.dispose();
  }
  return [...sums].map(([layer, { results, alone, soFar }]) => ({
    layer,
    part: groupOf(layer),
    alone: Math.sqrt(alone / results),
    soFar: Math.sqrt(soFar / results),
  }));
}

/** Opens a bundle whose layers write down what they take and give. */
async function openWatched(
  folder: string,
  layers: Layers,
  exact: Layers | null,
): Promise<LoadedModel> {
  const bundle = bundleFolder(folder);
  const nameOf = nameLayers(await readEdgePlan(bundle));
  return await openModel(bundle, null, {
    ...NODE_KERNELS,
    watch: (run, memory) => watched(run, memory, nameOf, layers, exact),
  });
}

/** Lets a model see a photo and read the reference's words about it. */
async function answerAs(
  { answers }: ReferenceAnswers,
  loaded: LoadedModel,
  photo: RgbImage,
  inputSize: number | undefined,
): Promise<void> {
  const [features] = await loaded.model.encode([photo], { inputSize });
  const asked = answers.filter(({ isTold }) => !isTold);
  await replay(loaded, withHints(features!, asked, asked), asked);
}

function addErrors(sums: Map<string, Sums>, wanted: Layers, got: Layers): void {
  for (const [layer, { outputs }] of wanted) {
    const own = got.get(layer);
    if (own?.outputs.length !== outputs.length) {
      throw new Error(`internal: ${layer} ran on other rows than in f32`);
    }
    const sum = sums.get(layer) ?? { results: 0, alone: 0, soFar: 0 };
    sums.set(layer, sum);
    for (const [at, row] of outputs.entries()) {
      sum.results += squares(row, null);
      sum.alone += squares(row, own.alone[at]!);
      sum.soFar += squares(row, own.outputs[at]!);
    }
  }
}

/** A layer by where its weights lie; a slice of its columns has a name too. */
function nameLayers({ tensors }: EdgePlan): (at: number) => string {
  const places = Object.entries(tensors)
    .filter(([, { kind }]) => kind !== "vector")
    .map(([name, { offset }]) => ({ name, at: ARENA_START + offset }))
    .sort((a, b) => b.at - a.at);
  /** How many slices of a layer are known, and their names. */
  const slices = new Map<number, string>();
  const counts = new Map<string, number>();
  return (at) => {
    const known = slices.get(at);
    if (known !== undefined) return known;
    const place = places.find((one) => one.at <= at);
    if (place === undefined) throw new Error("internal: a matrix of no layer");
    const layer = place.name.replace(/\.weight$/u, "");
    const slice = (counts.get(layer) ?? 0) + 1;
    counts.set(layer, slice);
    const name = slice === 1 ? layer : `${layer}, slice ${slice}`;
    slices.set(at, name);
    return name;
  };
}

/** Runs a product over `m` rows from one place to another. */
type Product = (x: number, strideX: number, m: number, c: number, strideC: number) => void; // prettier-ignore

function watched(
  run: KernelExports,
  memory: WebAssembly.Memory,
  nameOf: (at: number) => string,
  layers: Layers,
  exact: Layers | null,
): KernelExports {
  let spare = 0;
  let spareBytes = 0;
  /** Room past the arena's end, and past what it may grow by. */
  const room = (bytes: number): number => {
    if (bytes > spareBytes) {
      spare = memory.buffer.byteLength + ARENA_ROOM;
      spareBytes = bytes;
      memory.grow(Math.ceil((ARENA_ROOM + bytes) / PAGE));
    }
    return spare;
  };
  const floats = (at: number, length: number): Float32Array =>
    new Float32Array(memory.buffer, at, length);

  const see = (
    w: number,
    [x, strideX, m, k]: readonly [number, number, number, number],
    [c, strideC, n]: readonly [number, number, number],
    product: Product,
  ): void => {
    const name = nameOf(w);
    const seen = layers.get(name) ?? { inputs: [], outputs: [], alone: [], rows: 0 }; // prettier-ignore
    layers.set(name, seen);
    const first = seen.outputs.length;
    const rows: number[] = [];
    for (let row = 0; row < m; row += 1) {
      const index = seen.rows + row;
      if (index < FIRST_ROWS || index % EVERY_ROWS === 0) rows.push(row);
    }
    seen.rows += m;
    for (const row of rows) {
      if (exact === null) seen.inputs.push(floats(x + row * strideX, k).slice());
    } // prettier-ignore
    product(x, strideX, m, c, strideC);
    for (const row of rows) {
      seen.outputs.push(floats(c + row * strideC, n).slice());
    }
    if (exact === null || rows.length === 0) return;
    const inputs = exact.get(name)?.inputs.slice(first, first + rows.length);
    if (inputs?.length !== rows.length) {
      throw new Error(`internal: ${name} ran on other rows than in f32`);
    }
    const from = room(rows.length * (k + n) * F32);
    const to = from + rows.length * k * F32;
    for (const [at, input] of inputs.entries()) {
      const line = floats(from + at * k * F32, k);
      line.fill(0);
      line.set(input.subarray(0, k));
    }
    product(from, k * F32, rows.length, to, n * F32);
    for (const at of rows.keys()) {
      seen.alone.push(floats(to + at * n * F32, n).slice());
    }
  };

  const watched: KernelExports = {
    ...run,
    f32Product(x, sx, m, k, n, w, bias, c, sc) {
      see(w, [x, sx, m, k], [c, sc, n], (from, line, count, to, next) => {
        run.f32Product(from, line, count, k, n, w, bias, to, next);
      });
    },
    int8Product(x, sx, m, k, n, w, scales, bias, c, sc, scratch) {
      see(w, [x, sx, m, k], [c, sc, n], (from, line, count, to, next) => {
        run.int8Product(from, line, count, k, n, w, scales, bias, to, next, scratch); // prettier-ignore
      });
    },
    int4Product(x, sx, m, k, n, group, w, bias, c, sc, scratch) {
      see(w, [x, sx, m, k], [c, sc, n], (from, line, count, to, next) => {
        run.int4Product(from, line, count, k, n, group, w, bias, to, next, scratch); // prettier-ignore
      });
    },
    f32FeedForward(x, sx, m, k, hidden, n, w1, b1, w2, b2, c, sc, scratch) {
      see(w2, [x, sx, m, k], [c, sc, n], (from, line, count, to, next) => {
        run.f32FeedForward(from, line, count, k, hidden, n, w1, b1, w2, b2, to, next, scratch); // prettier-ignore
      });
    },
    int8FeedForward(x, sx, m, k, hidden, n, w1, s1, b1, w2, s2, b2, c, sc, scratch) {
      see(w2, [x, sx, m, k], [c, sc, n], (from, line, count, to, next) => {
        run.int8FeedForward(from, line, count, k, hidden, n, w1, s1, b1, w2, s2, b2, to, next, scratch);
      });
    }, // prettier-ignore
    int4FeedForward(x, sx, m, k, hidden, n, group, w1, b1, w2, b2, c, sc, scratch) {
      see(w2, [x, sx, m, k], [c, sc, n], (from, line, count, to, next) => {
        run.int4FeedForward(from, line, count, k, hidden, n, group, w1, b1, w2, b2, to, next, scratch);
      });
    }, // prettier-ignore
  };
  return { ...watched, ...convolutionInSteps(watched) };
}

/** Sum of the squares of a row, or of its difference to another. */
function squares(row: Float32Array, other: Float32Array | null): number {
  let sum = 0;
  for (const [at, value] of row.entries()) {
    sum += (value - (other === null ? 0 : other[at]!)) ** 2;
  }
  return sum;
}

/** A tower by its name, a stage of DaViT, or a side of the language model. */
function groupOf(layer: string): string {
  const [, tower] = /^model\.vision_tower\.([^.]+)\./u.exec(layer) ?? [];
  const segment = segmentOf(`${layer}.weight`);
  if (segment === "other") return tower ?? segment;
  if (segment.startsWith("encoder.cross.")) return "cross";
  const [part, stage] = segment.split(".") as [string, string?];
  return part === "vision" ? `davit ${stage ?? ""}` : part;
}
