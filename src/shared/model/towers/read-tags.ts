// From a classifier's logits to the names it is fairly sure of.

import type { TowerSpec } from "../manifest.ts";

type ClassifierTower = Extract<TowerSpec, { kind: "classifier" }>;

/** A name a classifier gives the whole picture. */
export interface Tag {
  readonly name: string;
  /** 0..1. */
  readonly score: number;
}

/**
 * The tags of one image, best first over all heads; a name that comes twice
 * keeps its better score. Source: `training/model.py`, `read_tags`.
 *
 * @param logitsOf the logits of a head for this image, one per label.
 */
export function readTags(
  tower: ClassifierTower,
  logitsOf: (output: string) => Float32Array,
): readonly Tag[] {
  const tags: Tag[] = [];
  for (const head of tower.heads) {
    const scores = activate(logitsOf(head.output), head.activation);
    const best = [...scores.keys()]
      .sort((a, b) => scores[b]! - scores[a]!)
      .slice(0, head.max);
    for (const label of best) {
      const score = scores[label]!;
      if (score >= head.threshold)
        tags.push({ name: head.labels[label]!, score });
    }
  }
  tags.sort((a, b) => b.score - a.score);
  const seen = new Set<string>();
  return tags.filter(({ name }) => !seen.has(name) && seen.add(name));
}

function activate(
  logits: Float32Array,
  activation: "softmax" | "sigmoid",
): Float32Array {
  if (activation === "sigmoid") {
    return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  }
  let top = -Infinity;
  for (const logit of logits) top = Math.max(top, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return logits.map((logit) => Math.exp(logit - top) / sum);
}
