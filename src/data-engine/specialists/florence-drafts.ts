// From results of Florence's tasks to annotations.

import { FlorenceError } from "../../shared/errors.ts";
import type { EnvelopeResult } from "../../shared/schema/analysis.ts";
import type { GroundResult } from "../../shared/tasks/ground.ts";
import type { Annotation, Level, Region } from "../records/record.ts";
import type { BundleTask, Draft } from "./specialist.ts";

const LEVELS = {
  short: "brief",
  detailed: "detailed",
  full: "more_detailed",
} as const satisfies Record<string, Level>;

/**
 * The annotations in a result; none where it says nothing.
 *
 * @param caption what was grounded, for a result of `ground`.
 * @throws FlorenceError the result's own problem if the task failed.
 */
export function draftsOfResult(
  result: EnvelopeResult,
  caption?: { readonly text: string; readonly level: Level },
): Draft[] {
  if (result.status === "error") {
    const { detail } = result.problem;
    throw new FlorenceError("engine_bad_output", `${result.task}: ${detail}`);
  }
  switch (result.task) {
    case "caption": {
      const { text, score, detail } = result;
      if (text.trim() === "") return [];
      return [
        { kind: "text", level: LEVELS[detail], text, score: share(score) },
      ];
    }
    case "detect":
      return result.objects.flatMap(({ label, box, score }) =>
        regionText("object", label, { box }, score),
      );
    case "dense_caption":
      return result.objects.flatMap(({ text, box, score }) =>
        regionText("description", text, { box }, score),
      );
    case "ground":
      return caption === undefined ? [] : triplets(result, caption);
    case "ocr":
      return result.layout === "text"
        ? []
        : result.lines.flatMap(({ text, quad, score }) => {
            const xs = quad.map(([x]) => x);
            const ys = quad.map(([, y]) => y);
            const box = {
              x_min: Math.min(...xs),
              y_min: Math.min(...ys),
              x_max: Math.max(...xs),
              y_max: Math.max(...ys),
            };
            return regionText("writing", text, { box, quad }, score);
          });
    case "classify_regions":
    case "describe_regions":
    case "detect_open":
    case "ocr_regions":
    case "propose":
    case "segment":
    case "segment_regions":
      throw new Error(`internal: ${result.task} makes no annotations`);
  }
}

/**
 * The task whose answer could say what an annotation says; null for what no
 * task says.
 */
export function taskThatSays(annotation: Annotation): BundleTask | null {
  switch (annotation.kind) {
    case "text":
      return TASK_OF_LEVEL[annotation.level];
    case "region_text":
      return TASK_OF_REGION[annotation.about];
    case "triplet":
      return "ground";
    case "tag":
      return null;
  }
}

const TASK_OF_LEVEL = {
  brief: "caption",
  detailed: "caption:detailed",
  more_detailed: "caption:full",
} as const satisfies Record<Level, BundleTask>;

const TASK_OF_REGION = {
  object: "detect",
  description: "dense_caption",
  writing: "ocr:lines",
  salient: null,
} as const;

function regionText(
  about: "object" | "description" | "writing",
  text: string,
  region: Region,
  score: number,
): Draft[] {
  if (text.trim() === "") return [];
  return [{ kind: "region_text", about, text, region, score: share(score) }];
}

/** One triplet for each phrase that was found. */
function triplets(
  { objects }: GroundResult,
  { text, level }: { readonly text: string; readonly level: Level },
): Draft[] {
  const groups = Map.groupBy(objects, ({ phrase, span }) =>
    span === null ? "" : `${span.join("-")} ${phrase}`,
  );
  return [...groups].flatMap(([key, group]): Draft[] => {
    // Wording that is not in the caption is no phrase of it.
    const span = group[0]!.span;
    if (key === "" || span === null) return [];
    return [
      {
        kind: "triplet",
        level,
        text,
        phrase: text.slice(...span),
        span,
        regions: group.map(({ box }) => ({ box })),
        score: share(Math.min(...group.map(({ score }) => score))),
      },
    ];
  });
}

function share(score: number): number {
  return Math.min(1, Math.max(0, score));
}
