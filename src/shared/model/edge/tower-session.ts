// A tower on the kernels as the vision side of towers sees it: a session that
// takes images and gives what heads and strides read.

import type { RunOptions } from "../model.ts";
import type { HeldTensor, Session, Tensor } from "../session.ts";
import { projectMap, readMap, runTower, type TowerWork } from "./run-tower.ts";

type Outputs = Record<string, Float32Array[]>;

/**
 * A session over `image` `[B, 3, S, S]`.
 *
 * @param inTurn waits for the arena, which serves one phase at a time.
 */
export function towerSession(
  work: TowerWork,
  inTurn: <Result>(act: () => Promise<Result>) => Promise<Result>,
  rest: () => Promise<void>,
): Session {
  const { outputs, features } = work.tower;
  const outputNames = [
    ...Object.keys(outputs),
    ...(features === undefined ? [] : ["image_features"]),
  ];

  /** Everything that is read of one image. */
  const see = async (
    pixels: Float32Array,
    options: RunOptions,
    all: Outputs,
  ): Promise<void> => {
    await runTower(work, pixels, rest, options);
    for (const [name, { value, order }] of Object.entries(outputs)) {
      all[name]!.push(readMap(work, value, order === "planes"));
    }
    if (features !== undefined) {
      all["image_features"]!.push(projectMap(work, features));
    }
  };

  return {
    inputNames: ["image"],
    outputNames,
    run(feeds, options = {}) {
      return inTurn(async () => {
        const image = feeds["image"];
        if (image === undefined || !("data" in image)) {
          throw new Error("internal: a tower is fed images as values");
        }
        const count = image.dims[0]!;
        const size = image.data.length / count;
        const all: Outputs = Object.fromEntries(
          outputNames.map((name) => [name, []]),
        );
        for (let index = 0; index < count; index += 1) {
          const pixels = image.data as Float32Array;
          const own = pixels.subarray(index * size, (index + 1) * size);
          await see(own, options, all);
        }
        return Object.fromEntries(
          outputNames.map((name) => [
            name,
            held(all[name]!, [count, ...dimsOf(work, name)]),
          ]),
        );
      });
    },
    dispose: () => Promise.resolve(),
  };
}

/** Of one image. */
function dimsOf({ tower, layout, plan }: TowerWork, name: string): number[] {
  const output = tower.outputs[name];
  const map = layout.maps[output?.value ?? tower.features!]!;
  const { height, width, channels } = map;
  if (output === undefined) return [height * width, plan.text.width];
  switch (output.order) {
    case "vector":
      return [height * width * channels];
    case "rows":
      return [height * width, channels];
    case "planes":
      return [channels, height, width];
    default:
      return output.order satisfies never;
  }
}

/** Images' values one after another, in JavaScript's memory. */
function held(values: readonly Float32Array[], dims: number[]): HeldTensor {
  const size = values[0]?.length ?? 0;
  const data = new Float32Array(size * values.length);
  for (const [index, own] of values.entries()) data.set(own, index * size);
  const tensor: Tensor = { type: "float32", dims, data };
  return {
    dims,
    read: () => Promise.resolve(tensor),
    dispose() {
      // Nothing is held on another side.
    },
  };
}
