// How a checkpoint wants its images.

import * as v from "valibot";
import { FlorenceError } from "../errors.ts";
import type { ImageInputSpec } from "./manifest.ts";
import type { CheckpointConfigs } from "./checkpoint-configs.ts";

const Triple = v.tuple([v.number(), v.number(), v.number()]);
const Side = v.pipe(v.number(), v.integer(), v.minValue(32));

const PreprocessorConfig = v.object({
  size: v.optional(
    v.union([Side, v.object({ height: Side, width: Side })]),
    768,
  ),
  // ImageNet's, not CLIP's: preprocessor_config.json of microsoft/Florence-2-base.
  image_mean: v.optional(Triple, [0.485, 0.456, 0.406]),
  image_std: v.optional(Triple, [0.229, 0.224, 0.225]),
});

/**
 * Reads `preprocessor_config.json`; 768 pixels and ImageNet's mean and
 * deviation where there is none. The bundle's are on the scale 0 to 255.
 *
 * @throws FlorenceError `bundle_invalid`.
 */
export function readImageInput(checkpoint: CheckpointConfigs): ImageInputSpec {
  const parsed = v.safeParse(
    PreprocessorConfig,
    checkpoint.preprocessorConfig ?? {},
  );
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw wrong(
      `${issue.message} at ${v.getDotPath(issue) ?? "the top level"}`,
    );
  }
  const { size, image_mean: mean, image_std: std } = parsed.output;
  const side = typeof size === "number" ? size : size.height;
  if (typeof size !== "number" && size.width !== size.height) {
    throw wrong(`size is ${size.width} x ${size.height}, not a square`);
  }
  const scaled = (
    values: readonly [number, number, number],
  ): [number, number, number] => [
    values[0] * 255,
    values[1] * 255,
    values[2] * 255,
  ];
  return {
    size: side,
    resize: "stretch",
    order: "rgb",
    mean: scaled(mean),
    std: scaled(std),
  };
}

function wrong(reason: string): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `preprocessor_config.json: ${reason}. Correct it, or delete the file; Florence-2's own settings are then used.`,
  );
}
