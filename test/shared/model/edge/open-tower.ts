// One tower of a bundle for the kernels, as a session of its own.

import {
  aligned,
  createArena,
} from "../../../../src/shared/model/edge/arena.ts";
import { readEdgePlan } from "../../../../src/shared/model/edge/edge-model.ts";
import type { EdgeTower } from "../../../../src/shared/model/edge/edge-plan.ts";
import { openKernels } from "../../../../src/shared/model/edge/kernels.ts";
import { planTower } from "../../../../src/shared/model/edge/tower-layout.ts";
import { towerSession } from "../../../../src/shared/model/edge/tower-session.ts";
import {
  findWeights,
  loadWeights,
  weightsEnd,
} from "../../../../src/shared/model/edge/weights.ts";
import { bundleFolder } from "../../../../src/node/bundle-folder.ts";
import type { Session } from "../../../../src/shared/model/session.ts";
import { readModules } from "../../../kernels/arena.ts";

const UNTOUCHED = 0xff; // as f32: not a number

/**
 * Opens a tower in a memory as large as it plans, all of it not a number.
 *
 * @param tells `steps`: what every step makes is an output, by its name.
 */
export async function openTower(
  folder: string,
  name: string,
  tells: "outputs" | "steps" = "outputs",
): Promise<Session> {
  const bundle = bundleFolder(folder);
  const plan = await readEdgePlan(bundle);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { run } = await openKernels(await readModules(), memory);
  const weights = findWeights(plan);
  const base = aligned(weightsEnd(plan));
  if (plan.vision.kind !== "towers") throw new Error("internal: no towers");
  const own = plan.vision.towers[name]!;
  const tower = tells === "steps" ? { ...own, outputs: stepsOf(own) } : own;
  const layout = planTower(run, plan, weights, tower);
  const arena = createArena(memory, base + layout.bytes);
  arena.reach(base + layout.bytes);
  arena.bytes(base, layout.bytes).fill(UNTOUCHED);
  await loadWeights(plan, bundle, arena);
  const work = { run, arena, plan, weights, base, tower, layout };
  return towerSession(
    work,
    (act) => act(),
    () => Promise.resolve(),
  );
}

function stepsOf({ steps }: EdgeTower): EdgeTower["outputs"] {
  return Object.fromEntries(
    steps.map(({ output }) => [output, { value: output, order: "rows" }]),
  );
}
