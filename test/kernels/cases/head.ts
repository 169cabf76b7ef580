// The head and the embedding, which share their weights.

import { deepEqual, equal, ok } from "node:assert/strict";
import {
  readAnswer,
  REQUEST_BYTES,
  writeRequest,
} from "../../../src/shared/model/edge/head-request.ts";
import { type Family, near, values } from "../family.ts";
import { KINDS, multiply, place } from "../matrix-kinds.ts";
import { bestIds, logSumExp } from "../twins/head.ts";

export const HEAD: Family = {
  name: "head",
  check(arena, random) {
    const { run } = arena.kernels;
    equal(run.requestBytes(), REQUEST_BYTES);
    const rows = random.whole(1, 12);
    const vocabulary = random.pick([
      random.whole(1, 40),
      random.whole(250, 600),
    ]);
    const kind = random.pick(KINDS);
    const inputs = random.whole(1, 40);
    const weights = values(random, vocabulary * inputs);
    const matrix = place(arena, kind, weights, vocabulary, inputs, 8);
    const { n, k } = matrix;
    const x = arena.put(values(random, rows * k));
    const bias = arena.put(random.gauss(n));
    const best = random.pick([0, 1, 3, 12, vocabulary + 2]);
    const limited = random.unit() < 0.5;
    const bits = values(random, Math.ceil(vocabulary / 8)).map((value) =>
      Math.floor(Math.abs(value) * 97),
    );
    const permitted = arena.put(Uint8Array.from(bits));
    const scoredIds = Int32Array.from(
      { length: vocabulary },
      (_, id) => id,
    ).filter(() => random.unit() < 0.1);
    const requests = arena.take(rows * REQUEST_BYTES);
    const asked = Array.from({ length: rows }, () => ({
      best,
      permitted: limited ? permitted : 0,
      ids: arena.take(best * 4),
      logits: arena.take(best * 4),
      scored: scoredIds.length,
      scoredIds: arena.put(scoredIds),
      scoredLogits: arena.take(scoredIds.length * 4),
    }));
    const scratch = arena.take(
      run.headScratch(rows, k, matrix.group, vocabulary),
    );
    const { w, scales, group } = matrix;
    // Logits of the same kernels, five rows at a time as the head has them.
    const logits: Float32Array[] = [];
    for (let row = 0; row < rows; row += 5) {
      const m = Math.min(5, rows - row);
      const part = multiply(arena, matrix, x + row * k * 4, m, bias);
      for (let at = 0; at < m; at += 1) {
        logits.push(part.subarray(at * n, at * n + vocabulary));
      }
    }
    const view = new DataView(arena.kernels.memory.buffer);
    for (const [row, request] of asked.entries()) {
      writeRequest(view, requests + row * REQUEST_BYTES, request);
    }
    const stride = k * 4;
    if (kind === "int8") {
      run.int8Head(
        x,
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
        x,
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
      run.f32Head(x, stride, rows, k, vocabulary, w, bias, requests, scratch);
    }
    const sums = new Float32Array(rows);
    for (const [row, request] of asked.entries()) {
      const answer = readAnswer(view, requests + row * REQUEST_BYTES);
      const all = logits[row]!;
      const ids = bestIds(
        all,
        best,
        (id) => !limited || ((bits[id >> 3]! >> (id & 7)) & 1) === 1,
      );
      equal(answer.found, ids.length);
      deepEqual([...arena.wholes(request.ids, ids.length)], ids);
      deepEqual(
        arena.floats(request.logits, ids.length),
        Float32Array.from(ids, (id) => all[id]!),
      );
      deepEqual(
        arena.floats(request.scoredLogits, scoredIds.length),
        Float32Array.from(scoredIds, (id) => all[id]!),
      );
      const want = logSumExp(all);
      const off = Math.abs(answer.logSumExp - want);
      ok(off <= 2e-6 + 2e-7 * Math.abs(want), `log-sum-exp off by ${off}`);
      sums[row] = answer.logSumExp;
    }
    return sums;
  },
};

export const EMBEDDING: Family = {
  name: "embedding",
  check(arena, random) {
    const { run } = arena.kernels;
    const vocabulary = random.whole(1, 40);
    const inputs = random.whole(1, 80);
    const kind = random.pick(KINDS);
    const weights = values(random, vocabulary * inputs);
    const group = random.pick([8, 32, 64]);
    const matrix = place(arena, kind, weights, vocabulary, inputs, group);
    const { k, w, scales } = matrix;
    const column = random.whole(0, vocabulary - 1);
    const to = arena.take(k * 4);
    if (kind === "int8") run.int8Column(w, scales, k, column, to);
    else if (kind === "int4") run.int4Column(w, k, group, column, to);
    else run.f32Column(w, k, column, to);
    const want = Float32Array.from({ length: k }, (_, at) =>
      matrix.value(column, at),
    );
    const got = arena.floats(to, k);
    near(got, want, 0, `embedding of ${kind}`);
    return got;
  },
};
