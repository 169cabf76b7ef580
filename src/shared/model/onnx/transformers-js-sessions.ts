// The four graphs of transformers.js behind the names of ours: what they lack
// (concatenation, cross keys and values on their own, parents, rows that share
// a prompt) is done here, by copying.
//
// Sources: the public exports' inputs and outputs, and `getPastKeyValues` of
// huggingface/transformers.js: the encoder's keys and values come from the
// first step alone, later steps give placeholders.

import { FlorenceError } from "../../errors.ts";
import type { BundleSource } from "../bundle-source.ts";
import type { Manifest } from "../manifest.ts";
import type {
  Feeds,
  HeldTensor,
  Session,
  SessionFactory,
  Tensor,
} from "../session.ts";
import { disposeSessions, openGraphs } from "./open-graph.ts";

type Fed = Tensor | HeldTensor;
type RunOptions = Parameters<Session["run"]>[1];

const GRAPHS = [
  "vision_encoder",
  "embed_tokens",
  "encoder_model",
  "decoder_model_merged",
] as const;

/** What the sessions made of them share. */
interface Parts {
  readonly manifest: Manifest;
  readonly sessions: SessionFactory;
  readonly graphs: Readonly<Record<(typeof GRAPHS)[number], Session>>;
  /** The encoder's output, by the first of the cross tensors made from it. */
  readonly hiddenOf: WeakMap<object, HeldTensor>;
  /** Cross tensors with their rows repeated, by the tensor they came from. */
  readonly repeated: WeakMap<object, HeldTensor>;
}

/**
 * Opens the four graphs as `vision`, `encoder` and `decoder`.
 *
 * @throws FlorenceError `bundle_invalid`, `engine_unavailable`.
 */
export async function openTransformersJsGraphs(
  manifest: Manifest,
  bundle: BundleSource,
  sessions: SessionFactory,
): Promise<Readonly<Record<"vision" | "encoder" | "decoder", Session>>> {
  const graphs = await openGraphs(GRAPHS, manifest, bundle, sessions);
  const parts: Parts = {
    manifest,
    sessions,
    graphs,
    hiddenOf: new WeakMap(),
    repeated: new WeakMap(),
  };
  const own = (
    inputNames: readonly string[],
    outputNames: readonly string[],
    run: Session["run"],
  ): Session => ({
    inputNames,
    outputNames,
    run,
    // Whichever is disposed first closes all; disposing twice is allowed.
    dispose: () => disposeSessions(graphs),
  });
  return {
    vision: graphs.vision_encoder,
    encoder: own(
      ["image_features", "text_ids", "attention_mask"],
      ["encoder_hidden_states"],
      (feeds, options) => encode(parts, feeds, options),
    ),
    decoder: own(
      ["input_ids", "parents", "encoder_attention_mask"],
      ["logits"],
      (feeds, options) => decode(parts, feeds, options),
    ),
  };
}

/** Encoder, then the decoder's first branch once for the keys and values. */
async function encode(
  parts: Parts,
  feeds: Feeds,
  options: RunOptions,
): Promise<Record<string, HeldTensor>> {
  const { graphs, manifest } = parts;
  const mask = fed(feeds, "attention_mask");
  const embedded = await concatenate(
    await readFed(fed(feeds, "image_features")),
    await embed(parts, fed(feeds, "text_ids"), options),
  );
  const encoded = await graphs.encoder_model.run(
    { inputs_embeds: embedded, attention_mask: mask },
    runOnly(options),
  );
  const hidden = output(encoded, "last_hidden_state");
  const prompts = embedded.dims[0]!;
  const start = BigInt(manifest.generation.decoder_start_token_id);
  const ids = int64([prompts, 1], new BigInt64Array(prompts).fill(start));
  const first = await graphs.decoder_model_merged.run(
    {
      inputs_embeds: await embed(parts, ids, options),
      encoder_hidden_states: hidden,
      encoder_attention_mask: mask,
      use_cache_branch: bool(false),
      ...emptyPast(manifest, prompts),
    },
    runOnly(options),
  );
  const results: Record<string, HeldTensor> = { encoder_hidden_states: hidden };
  for (const [name, held] of Object.entries(first)) {
    const [, layer, kind] =
      /^present\.(\d+)\.encoder\.(\w+)$/u.exec(name) ?? [];
    if (layer === undefined || kind === undefined) held.dispose();
    else results[`cross.${layer}.${kind}`] = held;
  }
  parts.hiddenOf.set(output(results, "cross.0.key"), hidden);
  return results;
}

async function decode(
  parts: Parts,
  feeds: Feeds,
  options: RunOptions,
): Promise<Record<string, HeldTensor>> {
  const { graphs, manifest } = parts;
  const ids = fed(feeds, "input_ids");
  const rows = ids.dims[0]!;
  const mask = fed(feeds, "encoder_attention_mask");
  const times = rows / mask.dims[0]!;
  const spread = (tensor: Fed): Promise<Fed> =>
    repeatRows(parts, tensor, times);
  const crossKey = fed(feeds, "cross.0.key");
  const known = parts.hiddenOf.get(crossKey);
  const isFirst = fed(feeds, "past.0.key").dims[2] === 0;
  // Prompts may have been dropped since; the cached branch then begins, from
  // the kept keys and values and a past of no tokens.
  const makesCross = isFirst && known !== undefined;
  const parents = (await readFed(fed(feeds, "parents"))).data as BigInt64Array;
  const past: Record<string, Fed> = emptyPast(manifest, rows);
  for (let layer = 0; layer < manifest.text.decoder_layers; layer += 1) {
    for (const kind of ["key", "value"]) {
      const own = fed(feeds, `past.${layer}.${kind}`);
      past[`past_key_values.${layer}.decoder.${kind}`] = await gatherRows(
        parts,
        own,
        parents,
      );
      if (makesCross) continue;
      const far = fed(feeds, `cross.${layer}.${kind}`);
      past[`past_key_values.${layer}.encoder.${kind}`] = await spread(far);
    }
  }
  const outputs = await graphs.decoder_model_merged.run(
    {
      inputs_embeds: await embed(parts, ids, options),
      // The cached branch takes it and does not look at it.
      encoder_hidden_states:
        known === undefined
          ? zeros([rows, mask.dims[1]!, manifest.text.d_model])
          : await spread(known),
      encoder_attention_mask: await spread(mask),
      use_cache_branch: bool(!makesCross),
      ...past,
    },
    runOnly(options),
  );
  const results: Record<string, HeldTensor> = {};
  for (const [name, held] of Object.entries(outputs)) {
    const [, layer, kind] =
      /^present\.(\d+)\.decoder\.(\w+)$/u.exec(name) ?? [];
    if (name === "logits") results["logits"] = checkLogits(held, manifest);
    else if (layer === undefined || kind === undefined) held.dispose();
    else results[`present.${layer}.${kind}`] = held;
  }
  return results;
}

function checkLogits(held: HeldTensor, manifest: Manifest): HeldTensor {
  const width = held.dims.at(-1);
  if (width === manifest.text.vocabulary) return held;
  throw new FlorenceError(
    "bundle_invalid",
    `The decoder gives ${width ?? 0} logits, config.json says vocab_size ${manifest.text.vocabulary}. Take the config.json that belongs to the graphs.`,
  );
}

async function embed(
  { graphs }: Parts,
  ids: Fed,
  options: RunOptions,
): Promise<Tensor> {
  const outputs = await graphs.embed_tokens.run(
    { input_ids: ids },
    runOnly(options),
  );
  const held = output(outputs, "inputs_embeds");
  const embedded = await held.read();
  held.dispose();
  return embedded;
}

/** [P, N, d] and [P, T, d] -> [P, N + T, d]. */
async function concatenate(a: Tensor, b: Tensor): Promise<Tensor> {
  const [prompts, first, width] = a.dims as [number, number, number];
  const second = b.dims[1]!;
  const data = new Float32Array(prompts * (first + second) * width);
  const left = a.data as Float32Array;
  const right = b.data as Float32Array;
  for (let index = 0; index < prompts; index += 1) {
    const at = index * (first + second) * width;
    data.set(
      left.subarray(index * first * width, (index + 1) * first * width),
      at,
    );
    data.set(
      right.subarray(index * second * width, (index + 1) * second * width),
      at + first * width,
    );
  }
  return await Promise.resolve(
    tensor("float32", [prompts, first + second, width], data),
  );
}

/** Every row several times; kept as long as the tensor it came from. */
async function repeatRows(
  parts: Parts,
  source: Fed,
  times: number,
): Promise<Fed> {
  if (times === 1) return source;
  const rows = source.dims[0]! * times;
  const kept = parts.repeated.get(source);
  if (kept?.dims[0] === rows) return kept;
  kept?.dispose();
  const order = Array.from({ length: rows }, (_, row) =>
    Math.floor(row / times),
  );
  const made = parts.sessions.hold(takeRows(await readFed(source), order));
  parts.repeated.set(source, made);
  return made;
}

async function gatherRows(
  parts: Parts,
  source: Fed,
  parents: BigInt64Array,
): Promise<Fed> {
  const order = Array.from(parents, Number);
  const isSame =
    order.length === source.dims[0] && order.every((row, at) => row === at);
  if (isSame) return source;
  return parts.sessions.hold(takeRows(await readFed(source), order));
}

function takeRows(source: Tensor, order: readonly number[]): Tensor {
  const [count, ...rest] = source.dims as [number, ...number[]];
  const size = source.data.length / count;
  // One member of the union at a time; all have `set` and `subarray`.
  const from = source.data as Float32Array;
  const Values = from.constructor as Float32ArrayConstructor;
  const data = new Values(order.length * size);
  for (const [at, row] of order.entries()) {
    data.set(from.subarray(row * size, (row + 1) * size), at * size);
  }
  return { ...source, dims: [order.length, ...rest], data };
}

function emptyPast(manifest: Manifest, rows: number): Record<string, Fed> {
  const { heads, d_model: width, decoder_layers: layers } = manifest.text;
  const past: Record<string, Fed> = {};
  for (let layer = 0; layer < layers; layer += 1) {
    for (const side of ["decoder", "encoder"]) {
      for (const kind of ["key", "value"]) {
        past[`past_key_values.${layer}.${side}.${kind}`] = zeros([
          rows,
          heads,
          0,
          width / heads,
        ]);
      }
    }
  }
  return past;
}

function runOnly(options: RunOptions): NonNullable<RunOptions> {
  return { signal: options?.signal };
}

function fed(feeds: Feeds, name: string): Fed {
  const value = feeds[name];
  if (value === undefined) throw new Error(`internal: "${name}" is not fed`);
  return value;
}

function output(
  outputs: Readonly<Record<string, HeldTensor>>,
  name: string,
): HeldTensor {
  const held = outputs[name];
  if (held !== undefined) return held;
  throw new FlorenceError(
    "bundle_invalid",
    `A graph has no output "${name}". Is it an export of Florence-2 for transformers.js?`,
  );
}

async function readFed(value: Fed): Promise<Tensor> {
  return "data" in value ? value : await value.read();
}

function zeros(dims: readonly number[]): Tensor {
  const size = dims.reduce((product, side) => product * side, 1);
  return tensor("float32", dims, new Float32Array(size));
}

function bool(value: boolean): Tensor {
  return tensor("bool", [1], Uint8Array.of(value ? 1 : 0));
}

function int64(dims: readonly number[], data: BigInt64Array): Tensor {
  return tensor("int64", dims, data);
}

function tensor(
  type: Tensor["type"],
  dims: readonly number[],
  data: Tensor["data"],
): Tensor {
  return { type, dims, data };
}
