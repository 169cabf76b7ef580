// Kernels whose rows or values do not depend on one another.

import type { KernelExports } from "../kernels.ts";
import { type Split, WORTH } from "./split.ts";

const F32 = 4;
/** Values that activations take at a time. */
const LANES = 16;

/** Norms, sums, activations, copies. */
export function splitRows({
  run,
  over,
  rooms,
  roomsAt,
}: Split): Partial<KernelExports> {
  /** An activation in place that needs no scratch. */
  const inPlace =
    (name: "relu" | "relu6" | "hardSigmoid" | "hardSwish") =>
    (x: number, count: number): void => {
      const work = count * WORTH.value;
      over({ total: count, unit: LANES, work }, (calls, first, part) => {
        calls[name](x + first * F32, part);
      });
    };
  /** One that takes exponentials. */
  const withExp =
    (name: "sigmoid" | "silu" | "gelu", bytes: number) =>
    (x: number, count: number, scratch: number): void => {
      const work = count * WORTH.exponential;
      const own = roomsAt(scratch, bytes);
      over(
        { total: count, unit: LANES, work, rooms: own },
        (calls, first, part, room) => {
          calls[name](x + first * F32, part, room);
        },
      );
    };
  return {
    expScratch: () => rooms(run.expScratch()),
    geluScratch: () => rooms(run.geluScratch()),
    relu: inPlace("relu"),
    relu6: inPlace("relu6"),
    hardSigmoid: inPlace("hardSigmoid"),
    hardSwish: inPlace("hardSwish"),
    sigmoid: withExp("sigmoid", run.expScratch()),
    silu: withExp("silu", run.expScratch()),
    gelu: withExp("gelu", run.geluScratch()),
    storeHalves(from, count, to) {
      const work = count * WORTH.value;
      over({ total: count, unit: LANES, work }, (calls, first, part) => {
        calls.storeHalves(from + first * F32, part, to + first * 2);
      });
    },
    layerNorm(x, strideX, rows, width, gamma, beta, epsilon, y, strideY) {
      const work = 2 * rows * width * WORTH.value;
      over({ total: rows, unit: 1, work }, (calls, first, part) => {
        calls.layerNorm(
          x + first * strideX,
          strideX,
          part,
          width,
          gamma,
          beta,
          epsilon,
          y + first * strideY,
          strideY,
        );
      });
    },
    softmax(x, stride, rows, count, scale, scratch) {
      const work = rows * count * WORTH.exponential;
      const own = roomsAt(scratch, run.expScratch());
      over(
        { total: rows, unit: 1, work, rooms: own },
        (calls, first, part, room) => {
          calls.softmax(x + first * stride, stride, part, count, scale, room);
        },
      );
    },
    addInto(x, y, count) {
      const work = count * WORTH.value;
      over({ total: count, unit: LANES, work }, (calls, first, part) => {
        calls.addInto(x + first * F32, y + first * F32, part);
      });
    },
    scaleChannels(x, stride, rows, channels, scale) {
      const work = rows * channels * WORTH.value;
      over({ total: rows, unit: 1, work }, (calls, first, part) => {
        calls.scaleChannels(x + first * stride, stride, part, channels, scale);
      });
    },
    copyRows(from, strideFrom, rows, channels, to, strideTo) {
      const work = rows * channels * WORTH.value;
      over({ total: rows, unit: 1, work }, (calls, first, part) => {
        calls.copyRows(
          from + first * strideFrom,
          strideFrom,
          part,
          channels,
          to + first * strideTo,
          strideTo,
        );
      });
    },
  };
}
