// Where the stages of a tower end: the values a backbone's features are usually
// taken from.

import type { TowerStep } from "../hint-towers.ts";

/**
 * Names of the values of a plan that end a stage: what a step that halves the
 * side begins with, what is brought to a larger side again, and what is pooled
 * at the end. Where a 1 x 1 convolution widened the channels only for the
 * halving step, it is the value before it (EfficientNet's narrow block output,
 * as `features_only` of timm has it). Where a plan pools its last features,
 * what is brought to a larger side belongs to a head and ends no stage.
 *
 * @param shapeOf the shape of a weight.
 */
export function stageEnds(
  plan: readonly TowerStep[],
  shapeOf: (weight: string) => readonly number[],
): ReadonlySet<string> {
  const made = new Map(plan.map((step) => [step.output, step]));
  const users = new Map<string, number>();
  for (const step of plan) {
    for (const name of "inputs" in step ? step.inputs : [step.input])
      users.set(name, (users.get(name) ?? 0) + 1);
  }
  const narrow = (name: string): string => {
    const step = made.get(name);
    if (step?.op !== "conv" || users.get(name) !== 1) return name;
    const [out, into, height] = shapeOf(step.weight) as [
      number,
      number,
      number,
    ];
    return height === 1 && step.groups === 1 && out > into ? step.input : name;
  };
  const isPooled = plan.some(({ op }) => op === "average_pool");
  const ends = new Set<string>();
  for (const step of plan) {
    const halves =
      (step.op === "conv" || step.op === "max_pool") && step.stride === 2;
    if (halves && step.input !== "image") ends.add(narrow(step.input));
    const widens = step.op === "upsample_nearest" && !isPooled;
    if (widens || step.op === "average_pool") ends.add(step.input);
  }
  return ends;
}
