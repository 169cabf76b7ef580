// The head of the decoder: of 51,289 logits only the best, the asked ones and
// what the log-sum-exp needs are kept. Logits exist a few columns at a time.

import { exp, expScratch, prepareExp } from "./exp";
import { f32Product } from "./f32-product";
import { groupStarts, int4Rows } from "./int4-rows";
import { int8Rows } from "./int8-rows";
import { maxLane, sumLanes } from "./lanes";
import { quantizeRows } from "./quantize";
import { BYTE_LIMIT, FEW_ROWS } from "./variant";

/** Columns at a time: their weights are read by all rows while they are near. */
const BLOCK: i32 = 256;

// What is asked of a row, and the answer: `REQUEST_BYTES` with these offsets.
// [best, permitted, ids, logits, scored, scored ids, scored logits, found] i32,
// then the greatest logit, f32, 4 bytes of nothing, and the sum, f64.
const PERMITTED: usize = 4;
const IDS: usize = 8;
const LOGITS: usize = 12;
const SCORED: usize = 16;
const SCORED_IDS: usize = 20;
const SCORED_LOGITS: usize = 24;
const FOUND: usize = 28;
const TOP: usize = 32;
const SUM: usize = 40;
const REQUEST: usize = 48;

/** Bytes of one row's request. */
export function requestBytes(): i32 {
  return <i32>REQUEST;
}

/** Bytes of scratch of a head of any kind; `group` is k if it has none. */
export function headScratch(rows: i32, k: i32, group: i32): i32 {
  const quantized = rows * (k + 8 + (k / group) * 4) + 16;
  return expScratch() + rows * BLOCK * 4 + quantized;
}

/**
 * Ranks the logits of a one-byte head.
 *
 * A row's request says how many of the best are wanted, where its bits of
 * permitted ids lie (0: all are), where the best ids (i32) and logits (f32) go,
 * and which ids' logits are wanted anyhow, in ascending order. The answer: how
 * many were found, the greatest logit T and the sum of exp(logit - T). Among
 * equals the lower id is better.
 *
 * @param x `[rows, k]` f32, `stride` bytes from row to row.
 * @param w `[n / 8, k / 4, 8, 4]` bytes, `scales`, `bias` `[n]` f32; n is
 *   `vocabulary` rounded up to 8.
 * @param requests `[rows]` of `requestBytes()`.
 * @param scratch `headScratch(rows, k, k)` bytes.
 */
export function int8Head(
  x: usize,
  stride: usize,
  rows: i32,
  k: i32,
  vocabulary: i32,
  w: usize,
  scales: usize,
  bias: usize,
  requests: usize,
  scratch: usize,
): void {
  const logits = scratch + expScratch();
  const scaleA = logits + ((<usize>rows * BLOCK) << 2);
  const starts = scaleA + ((<usize>rows) << 2);
  const bytes = starts + ((<usize>rows) << 2);
  quantizeRows(x, stride, rows, k, 1, BYTE_LIMIT, bytes, scaleA, starts);
  begin(requests, rows, scratch);
  for (let first = 0; first < vocabulary; first += BLOCK) {
    const count = min(BLOCK, vocabulary - first);
    for (let row = 0; row < rows; row += FEW_ROWS) {
      const at: usize = (<usize>row) << 2;
      int8Rows(
        bytes + <usize>row * k,
        min(FEW_ROWS, rows - row),
        k,
        (count + 7) & ~7,
        w + <usize>first * k,
        scales + ((<usize>first) << 2),
        bias + ((<usize>first) << 2),
        scaleA + at,
        starts + at,
        logits + at * BLOCK,
        BLOCK << 2,
      );
    }
    rankRows(logits, rows, first, count, requests, scratch);
  }
}

/**
 * Ranks the logits of a 4-bit head; as `int8Head`.
 *
 * @param w `[n / 8, k / group]` groups, as `int4Rows` takes them.
 * @param scratch `headScratch(rows, k, group)` bytes.
 */
export function int4Head(
  x: usize,
  stride: usize,
  rows: i32,
  k: i32,
  group: i32,
  vocabulary: i32,
  w: usize,
  bias: usize,
  requests: usize,
  scratch: usize,
): void {
  const groups = k / group;
  const panel: usize = <usize>groups * (16 + (group << 2));
  const logits = scratch + expScratch();
  const scaleA = logits + ((<usize>rows * BLOCK) << 2);
  const starts = scaleA + ((<usize>rows) << 2);
  const inGroups = starts + ((<usize>rows) << 2);
  const bytes = inGroups + ((<usize>(rows * groups)) << 2);
  quantizeRows(x, stride, rows, k, 1, 127, bytes, scaleA, starts);
  groupStarts(bytes, rows * k, group, inGroups);
  begin(requests, rows, scratch);
  for (let first = 0; first < vocabulary; first += BLOCK) {
    const count = min(BLOCK, vocabulary - first);
    for (let row = 0; row < rows; row += FEW_ROWS) {
      const at: usize = (<usize>row) << 2;
      int4Rows(
        bytes + <usize>row * k,
        min(FEW_ROWS, rows - row),
        k,
        (count + 7) & ~7,
        group,
        w + panel * (first >> 3),
        bias + ((<usize>first) << 2),
        scaleA + at,
        inGroups + at * groups,
        logits + at * BLOCK,
        BLOCK << 2,
      );
    }
    rankRows(logits, rows, first, count, requests, scratch);
  }
}

/**
 * Ranks the logits of an f32 head; as `int8Head`.
 *
 * @param w `[n / 8, k, 8]` f32.
 */
export function f32Head(
  x: usize,
  stride: usize,
  rows: i32,
  k: i32,
  vocabulary: i32,
  w: usize,
  bias: usize,
  requests: usize,
  scratch: usize,
): void {
  const logits = scratch + expScratch();
  begin(requests, rows, scratch);
  for (let first = 0; first < vocabulary; first += BLOCK) {
    const count = min(BLOCK, vocabulary - first);
    for (let row = 0; row < rows; row += FEW_ROWS) {
      f32Product(
        x + stride * row,
        stride,
        min(FEW_ROWS, rows - row),
        k,
        (count + 7) & ~7,
        w + ((<usize>first * k) << 2),
        bias + ((<usize>first) << 2),
        logits + ((<usize>row * BLOCK) << 2),
        BLOCK << 2,
      );
    }
    rankRows(logits, rows, first, count, requests, scratch);
  }
}

function begin(requests: usize, rows: i32, scratch: usize): void {
  prepareExp(scratch);
  for (let row = 0; row < rows; row++) {
    store<i32>(requests, 0, FOUND);
    store<f32>(requests, -Infinity, TOP);
    store<f64>(requests, 0, SUM);
    requests += REQUEST;
  }
}

function rankRows(
  logits: usize,
  rows: i32,
  first: i32,
  count: i32,
  requests: usize,
  scratch: usize,
): void {
  for (let row = 0; row < rows; row++) {
    const end = logits + ((<usize>((count + 3) & ~3)) << 2);
    for (let at = logits + ((<usize>count) << 2); at < end; at += 4) {
      store<f32>(at, -Infinity);
    }
    copyScored(logits, first, count, requests);
    addExponentials(logits, end, requests, scratch);
    if (load<i32>(requests) > 0) keepBest(logits, end, first, requests);
    logits += BLOCK << 2;
    requests += REQUEST;
  }
}

/** Asked ids ascend, so those of a block follow one another. */
function copyScored(
  logits: usize,
  first: i32,
  count: i32,
  request: usize,
): void {
  const asked = load<i32>(request, SCORED);
  const ids = load<u32>(request, SCORED_IDS);
  const to = load<u32>(request, SCORED_LOGITS);
  for (let at = 0; at < asked; at++) {
    const place: usize = (<usize>at) << 2;
    const index = load<i32>(ids + place) - first;
    if (index >= count) return;
    if (index < 0) continue;
    store<f32>(to + place, load<f32>(logits + ((<usize>index) << 2)));
  }
}

function addExponentials(
  logits: usize,
  end: usize,
  request: usize,
  scratch: usize,
): void {
  const before = load<f32>(request, TOP);
  let most = f32x4.splat(before);
  for (let at = logits; at < end; at += 16) {
    most = f32x4.max(most, v128.load(at));
  }
  const top = maxLane(most);
  const center = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (let at = logits; at < end; at += 16) {
    sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at), center), scratch));
  }
  let total = load<f64>(request, SUM);
  if (top != before && total > 0) {
    const factor = exp(f32x4.splat(before - top), scratch);
    total *= <f64>f32x4.extract_lane(factor, 0);
  }
  store<f64>(request, total + <f64>sumLanes(sum), SUM);
  store<f32>(request, top, TOP);
}

/** A later id must be strictly better to push an earlier one out. */
function keepBest(logits: usize, end: usize, first: i32, request: usize): void {
  const wanted = load<i32>(request);
  const kept = load<u32>(request, LOGITS);
  const last = kept + ((<usize>(wanted - 1)) << 2);
  let found = load<i32>(request, FOUND);
  let bar = found == wanted ? load<f32>(last) : -Infinity;
  let id = first;
  for (let at = logits; at < end; at += 16) {
    const above = f32x4.gt(v128.load(at), f32x4.splat(bar));
    if (v128.any_true(above)) {
      for (let lane = 0; lane < 4; lane++) {
        const logit = load<f32>(at + ((<usize>lane) << 2));
        if (!(logit > bar) || !isPermitted(id + lane, request)) continue;
        found = insert(logit, id + lane, found, wanted, request);
        if (found == wanted) bar = load<f32>(last);
      }
    }
    id += 4;
  }
  store<i32>(request, found, FOUND);
}

function isPermitted(id: i32, request: usize): bool {
  const bits = load<u32>(request, PERMITTED);
  return (
    bits == 0 || ((load<u8>(bits + ((<usize>id) >> 3)) >> (id & 7)) & 1) == 1
  );
}

/** Puts a logit where it belongs; gives back how many are kept. */
function insert(
  logit: f32,
  id: i32,
  found: i32,
  wanted: i32,
  request: usize,
): i32 {
  const ids = load<u32>(request, IDS);
  const kept = load<u32>(request, LOGITS);
  let at = (<usize>(found == wanted ? wanted - 1 : found)) << 2;
  while (at > 0 && load<f32>(kept + at - 4) < logit) {
    store<f32>(kept + at, load<f32>(kept + at - 4));
    store<i32>(ids + at, load<i32>(ids + at - 4));
    at -= 4;
  }
  store<f32>(kept + at, logit);
  store<i32>(ids + at, id);
  return min(found + 1, wanted);
}
