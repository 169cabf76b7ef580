// One step of BART's decoder: a token for each row, and what comes next.

import { FlorenceError } from "../../errors.ts";
import type { StepResult, StepRow } from "../model.ts";
import { type Layout, layOut } from "./arena.ts";
import type { EdgePlan } from "./edge-plan.ts";
import { keepValues } from "./encoder.ts";
import { readAnswer, REQUEST_BYTES, writeRequest } from "./head-request.ts";
import type { KernelExports } from "./kernels.ts";
import { linear, type Rows } from "./linear.ts";
import {
  addAndNormalize,
  addFeedForward,
  embeddingNorm,
  embedToken,
  F32,
  layerName,
  normalize,
  positionsOf,
  rowsOf,
  textScratch,
  type TextWork,
} from "./text-layers.ts";
import type { Linear, Weights } from "./weights.ts";

export type DecoderPiece = "hidden" | "wide" | "mixed" | "scratch";

/** What one row attends to; pointers into the arena. */
export interface RowMemory {
  /** `[layers, capacity, 2, d]`, of this row's tokens. */
  readonly own: number;
  readonly capacity: number;
  /** `[layers, length, 2, d]`, of the encoder's output. */
  readonly cross: number;
  readonly length: number;
}

/** Plans steps of at most `rows` rows, `keys` tokens to attend to. */
export function planDecoder(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  rows: number,
  keys: number,
): Layout<DecoderPiece> {
  const { width, heads } = plan.text;
  const head = headOf(plan, weights);
  return layOut({
    hidden: rows * width * F32,
    wide: 3 * rows * width * F32,
    mixed: rows * width * F32,
    scratch: Math.max(
      textScratch(run, plan, weights, "decoder", rows),
      run.attentionScratch(keys, width / heads),
      run.cachedAttentionScratch(keys),
      run.headScratch(rows, head.k, head.group, plan.text.vocabulary),
    ),
  });
}

/** Bytes of one row's own keys and values for `capacity` tokens. */
export function ownBytes({ text, cache }: EdgePlan, capacity: number): number {
  const each = cache === "f32" ? F32 : 2;
  return text.decoder_layers * capacity * 2 * text.width * each;
}

/**
 * Appends a token to each row, at `position`, and ranks what comes next.
 *
 * @throws FlorenceError `engine_bad_output` if logits are not numbers.
 */
export function stepDecoder(
  work: TextWork,
  rows: readonly StepRow[],
  memories: readonly RowMemory[],
  position: number,
): StepResult[] {
  const { run, plan, weights, base } = work;
  const { width } = plan.text;
  const count = rows.length;
  const keys = Math.max(position + 1, ...memories.map(({ length }) => length));
  const { at } = planDecoder(run, plan, weights, count, keys);
  const hidden = base + at.hidden;
  const wide = base + at.wide;
  const mixed = base + at.mixed;
  const scratch = base + at.scratch;
  const line = width * F32;
  for (const [row, { tokenId }] of rows.entries()) {
    const to = hidden + row * line;
    embedToken(work, tokenId, to);
    run.addInto(to, positionsOf(work, "decoder") + position * line, width);
  }
  normalize(work, embeddingNorm("decoder"), hidden, count);
  const apply = (name: string, from: number, to: Rows): void => {
    const x = rowsOf(from, width);
    linear(run, weights.linear(name), x, count, to, scratch);
  };
  for (let layer = 0; layer < plan.text.decoder_layers; layer += 1) {
    const name = layerName("decoder", layer);
    apply(`${name}.self_attn.qkv`, hidden, rowsOf(wide, 3 * width));
    for (const [row, { own, capacity }] of memories.entries()) {
      const q = wide + row * 3 * line;
      const cache = own + (layer * ownBytes(plan, capacity)) / layersOf(plan);
      const token = ownBytes(plan, 1) / layersOf(plan);
      keepValues(work, q + line, 2 * width, cache + position * token);
      attend(work, q, cache, position + 1, mixed + row * line, scratch);
    }
    apply(`${name}.self_attn.out_proj`, mixed, rowsOf(wide, width));
    addAndNormalize(work, `${name}.self_attn_layer_norm`, hidden, wide, count);

    apply(`${name}.encoder_attn.q_proj`, hidden, rowsOf(wide, width));
    for (const [row, { cross, length }] of memories.entries()) {
      const cache = cross + (layer * ownBytes(plan, length)) / layersOf(plan);
      const q = wide + row * line;
      attend(work, q, cache, length, mixed + row * line, scratch);
    }
    apply(`${name}.encoder_attn.out_proj`, mixed, rowsOf(wide, width));
    addAndNormalize(
      work,
      `${name}.encoder_attn_layer_norm`,
      hidden,
      wide,
      count,
    );
    addFeedForward(work, name, hidden, wide, count, scratch);
  }
  return rank(work, rows, hidden, scratch);
}

function layersOf({ text }: EdgePlan): number {
  return Math.max(1, text.decoder_layers);
}

/** One row to `keys` remembered tokens, `[keys, 2, d]`. */
function attend(
  { run, plan }: TextWork,
  q: number,
  cache: number,
  keys: number,
  y: number,
  scratch: number,
): void {
  const { width, heads } = plan.text;
  const head = width / heads;
  const scale = 1 / Math.sqrt(head);
  if (plan.cache === "f32") {
    const line = width * F32;
    const values = cache + line;
    run.attention(
      q,
      line,
      1,
      cache,
      2 * line,
      values,
      2 * line,
      keys,
      heads,
      head,
      scale,
      y,
      line,
      scratch,
    );
    return;
  }
  const line = width * 2;
  run.cachedAttention(
    q,
    cache,
    cache + line,
    2 * line,
    keys,
    heads,
    head,
    scale,
    y,
    scratch,
  );
}

/** The head, which is the embedding where they are tied. */
export function headOf({ tensors }: EdgePlan, weights: Weights): Linear {
  return weights.linear("head.weight" in tensors ? "head" : "embedding");
}

/** Pieces of one row's request, kept while the head runs. */
interface Asked {
  readonly scoredIds: Int32Array;
  readonly pieces: readonly number[];
  readonly best: number;
  readonly ids: number;
  readonly logits: number;
  readonly scoredLogits: number;
}

function rank(
  work: TextWork,
  rows: readonly StepRow[],
  hidden: number,
  scratch: number,
): StepResult[] {
  const { arena } = work;
  const requests = arena.keep(rows.length * REQUEST_BYTES);
  const asked: Asked[] = [];
  try {
    for (const [index, row] of rows.entries()) {
      const to = requests + index * REQUEST_BYTES;
      asked.push(ask(work, row, to));
    }
    runHead(work, rows.length, hidden, requests, scratch);
    return rows.map((row, index) => {
      const at = requests + index * REQUEST_BYTES;
      return readResult(work, row, asked[index]!, at);
    });
  } finally {
    for (const { pieces } of asked) {
      for (const piece of pieces) arena.release(piece);
    }
    arena.release(requests);
  }
}

function runHead(
  { run, plan, weights }: TextWork,
  rows: number,
  hidden: number,
  requests: number,
  scratch: number,
): void {
  const { kind, k, group, weights: w, scales, bias } = headOf(plan, weights);
  const { width, vocabulary } = plan.text;
  const stride = width * F32;
  if (kind === "int8") {
    run.int8Head(
      hidden,
      stride,
      rows,
      k,
      vocabulary,
      w,
      scales,
      bias,
      requests,
      scratch,
    );
  } else if (kind === "int4") {
    run.int4Head(
      hidden,
      stride,
      rows,
      k,
      group,
      vocabulary,
      w,
      bias,
      requests,
      scratch,
    );
  } else {
    run.f32Head(
      hidden,
      stride,
      rows,
      k,
      vocabulary,
      w,
      bias,
      requests,
      scratch,
    );
  }
}

/** Writes what a row asks of the head. */
function ask({ arena, plan }: TextWork, row: StepRow, to: number): Asked {
  const { vocabulary } = plan.text;
  const scoredIds = ascending(row.scored ?? []);
  const best = Math.min(row.best, vocabulary);
  const ids = arena.keep(best * 4);
  const logits = arena.keep(best * 4);
  const idsAt = arena.keep(scoredIds.byteLength);
  const scoredLogits = arena.keep(scoredIds.byteLength);
  const pieces = [ids, logits, idsAt, scoredLogits];
  arena.wholes(idsAt, scoredIds.length).set(scoredIds);
  let permitted = 0;
  if (row.allowed !== undefined || (row.banned ?? []).length > 0) {
    const size = Math.ceil(vocabulary / 8);
    permitted = arena.keep(size);
    pieces.push(permitted);
    writePermitted(arena.bytes(permitted, size), row);
  }
  writeRequest(arena.view(), to, {
    best,
    permitted,
    ids,
    logits,
    scored: scoredIds.length,
    scoredIds: idsAt,
    scoredLogits,
  });
  return { scoredIds, pieces, best, ids, logits, scoredLogits };
}

/** The ids, each once: most often they come so, a thousand for each token. */
function ascending(ids: readonly number[]): Int32Array {
  const own = Int32Array.from(ids);
  const isAscending = own.every((id, at) => at === 0 || own[at - 1]! < id);
  return isAscending ? own : Int32Array.from(new Set(ids)).sort();
}

function writePermitted(bits: Uint8Array, row: StepRow): void {
  bits.fill(row.allowed === undefined ? 255 : 0);
  for (const id of row.allowed ?? []) bits[id >> 3]! |= 1 << (id & 7);
  for (const id of row.banned ?? []) bits[id >> 3]! &= ~(1 << (id & 7));
}

function readResult(
  { arena }: TextWork,
  row: StepRow,
  asked: Asked,
  request: number,
): StepResult {
  const { found, logSumExp } = readAnswer(arena.view(), request);
  if (!Number.isFinite(logSumExp)) {
    throw new FlorenceError(
      "engine_bad_output",
      "The model's logits are not numbers. Its weights may be broken: copy the bundle again.",
    );
  }
  const ids = arena.wholes(asked.ids, found);
  const logits = arena.floats(asked.logits, found);
  const { scoredIds } = asked;
  const scoredLogits = arena.floats(asked.scoredLogits, scoredIds.length);
  const wanted = row.scored ?? [];
  const inOrder = wanted.every((id, at) => id === scoredIds[at]);
  const place = inOrder
    ? null
    : new Map(Array.from(scoredIds, (id, at) => [id, at]));
  const scored = new Float32Array(wanted.length);
  for (let at = 0; at < scored.length; at += 1) {
    const from = place?.get(wanted[at]!) ?? at;
    scored[at] = scoredLogits[from]! - logSumExp;
  }
  return {
    best: Array.from(ids, (id, at) => ({
      id,
      logProb: logits[at]! - logSumExp,
    })),
    scored,
    logSumExp,
  };
}
