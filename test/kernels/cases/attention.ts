// Attention of all kinds, over any number of rows and keys.

import { fromHalf, toHalf } from "../../../src/shared/model/edge/half.ts";
import { type Family, near, values } from "../family.ts";
import {
  attention,
  channelAttention,
  type Matrix,
  windowAttention,
} from "../twins/attention.ts";

/**
 * Scores of Gaussian queries and keys reach some tens; their rounding in f32,
 * 1e-6 of that, counts as a share of the result, and so does that of the twin.
 */
const BOUND = 1e-4;

export const ATTENTION: Family = {
  name: "attention",
  check(arena, random) {
    const { run } = arena.kernels;
    const rows = random.whole(1, 20);
    const keys = random.whole(1, 40);
    const heads = random.whole(1, 3);
    const width = random.pick([8, 32, 64]);
    const stride = heads * width;
    const scale = 1 / Math.sqrt(width);
    const parts = [rows, keys, keys].map((count, index): Matrix => {
      const draw = index === 2 ? values : () => random.gauss(count * stride, 1);
      return { data: draw(random, count * stride), stride, first: 0 };
    });
    const [q, k, v] = parts as [Matrix, Matrix, Matrix];
    const y = arena.take(rows * stride * 4);
    run.attention(
      arena.put(q.data),
      stride * 4,
      rows,
      arena.put(k.data),
      stride * 4,
      arena.put(v.data),
      stride * 4,
      keys,
      heads,
      width,
      scale,
      y,
      stride * 4,
      arena.take(run.attentionScratch(keys, width)),
    );
    const want = attention(q, k, v, rows, keys, heads, width, scale);
    const top = v.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const got = arena.floats(y, rows * stride);
    near(got, want, BOUND * top, `attention ${rows} to ${keys}`);
    return got;
  },
};

export const WINDOW_ATTENTION: Family = {
  name: "window attention",
  check(arena, random) {
    const { run } = arena.kernels;
    const window = random.pick([2, 3, 4, 12]);
    const most = window === 12 ? 13 : 9;
    const height = random.whole(1, most);
    const width = random.whole(1, most);
    const heads = random.whole(1, 2);
    const channels = heads * random.pick([8, 32]);
    const qkv = random.gauss(height * width * 3 * channels);
    const bias = random.gauss(3 * channels);
    const y = arena.take(height * width * channels * 4);
    run.windowAttention(
      arena.put(qkv),
      arena.put(bias),
      height,
      width,
      channels,
      heads,
      window,
      y,
      arena.take(run.windowAttentionScratch(channels, heads, window)),
    );
    const want = windowAttention(qkv, bias, height, width, heads, window);
    const got = arena.floats(y, height * width * channels);
    near(got, want, 4 * BOUND, `windows of ${window} in ${height}x${width}`);
    return got;
  },
};

export const CHANNEL_ATTENTION: Family = {
  name: "channel attention",
  check(arena, random) {
    const { run } = arena.kernels;
    const rows = random.pick([random.whole(1, 30), random.whole(250, 530)]);
    const groups = random.whole(1, 2);
    const width = random.pick([4, 8, 12, 20, 32]);
    const wide = Math.ceil(width / 8) * 8;
    const channels = groups * width;
    const data = random.gauss(rows * 3 * channels);
    const scale = 1 / Math.sqrt(rows);
    const stride = 3 * channels;
    const qkv = arena.put(data);
    const scores = arena.put(new Float32Array(groups * width * wide));
    const scratch = arena.take(run.channelAttentionScratch(width));
    const line = channels * 4;
    const strideY = channels + wide - width;
    const y = arena.take(rows * strideY * 4);
    const first = random.whole(0, rows);
    // In two bands, as a tower does it.
    for (const [from, count] of [
      [0, first],
      [first, rows - first],
    ] as const) {
      const at = qkv + from * stride * 4;
      run.channelScores(
        at,
        at + line,
        stride * 4,
        count,
        groups,
        width,
        scores,
        scratch,
      );
    }
    run.softmax(scores, wide * 4, channels, width, scale, scratch);
    run.channelMix(
      qkv + 2 * line,
      stride * 4,
      rows,
      groups,
      width,
      scores,
      y,
      strideY * 4,
      scratch,
    );
    const part = (index: number): Matrix => ({
      data,
      stride,
      first: index * channels,
    });
    const want = channelAttention(
      part(0),
      part(1),
      part(2),
      rows,
      groups,
      width,
      scale,
    );
    const got = arena
      .floats(y, rows * strideY)
      .filter((_, at) => at % strideY < channels);
    near(got, want, 4 * BOUND, `channels of ${rows} pixels`);
    return got;
  },
};

export const CACHED_ATTENTION: Family = {
  name: "cached attention",
  check(arena, random) {
    const { run } = arena.kernels;
    const keys = random.whole(1, 60);
    const heads = random.whole(1, 3);
    const width = random.pick([16, 32, 48, 64]);
    const stride = heads * width;
    const scale = 1 / Math.sqrt(width);
    const q = random.gauss(stride);
    const remembered = (): Matrix => {
      const all = random.gauss(keys * stride);
      return { data: all.map((x) => fromHalf(toHalf(x))), stride, first: 0 };
    };
    const k = remembered();
    const v = remembered();
    const [halvesK, halvesV] = [k, v].map(({ data }) => {
      const to = arena.take(keys * stride * 2);
      run.storeHalves(arena.put(data), keys * stride, to);
      return to;
    });
    const y = arena.take(stride * 4);
    run.cachedAttention(
      arena.put(q),
      halvesK!,
      halvesV!,
      stride * 2,
      keys,
      heads,
      width,
      scale,
      y,
      arena.take(run.cachedAttentionScratch(keys)),
    );
    const one = { data: q, stride, first: 0 };
    const want = attention(one, k, v, 1, keys, heads, width, scale);
    const got = arena.floats(y, stride);
    near(got, want, 4 * BOUND, `one row to ${keys} keys`);
    return got;
  },
};
