// What is known of a picture before it is seen: which model is asked, whether
// it has seen the picture before, and under which id the pass is kept.

import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeOptions } from "../../shared/schema/analysis.ts";
import type { Engine } from "../engine/engine.ts";
import type { FeatureCache } from "./feature-cache.ts";

/** A pass that is kept, or will be. */
export interface Recalled {
  /** `image.feature_id` of the answer. */
  readonly featureId: string;
  /** Null if the picture is to be seen. */
  readonly seen: SeenImage | null;
  /** The request's, its model being the one that saw the picture. */
  readonly options: AnalyzeOptions;
}

export interface RecallQuestion {
  readonly engines: readonly Engine[];
  readonly options: AnalyzeOptions;
  readonly tenant: string;
  /** Lower-case hexadecimal SHA-256 of the file. */
  readonly sha256: string;
}

/**
 * Looks for a pass over a picture whose file is at hand.
 *
 * @returns null if the request will have nothing kept, or asks a model that is
 *   not here.
 */
export async function recall(
  features: FeatureCache,
  { engines, options, tenant, sha256 }: RecallQuestion,
): Promise<Recalled | null> {
  if (options.cache === "off") return null;
  const models = engines.flatMap((engine) => [...engine.models]);
  const model =
    options.model === undefined
      ? models[0]
      : models.find(({ id }) => id === options.model);
  if (model === undefined) return null;
  const featureId = await features.idOf({
    tenant,
    sha256,
    modelRevision: model.revision,
    inputSize: options.input_size,
  });
  const seen = await features.find(featureId, tenant);
  return { featureId, seen, options };
}

/**
 * Checks that a pass named by a request answers what it asks.
 *
 * @throws FlorenceError `invalid_request` if it asks for another model or size;
 *   `expired` if the model that saw the picture is not here any more.
 */
export function recallNamed(
  featureId: string,
  seen: SeenImage,
  { engines, options }: Pick<RecallQuestion, "engines" | "options">,
): Recalled {
  if (options.cache === "off") {
    throw contradiction("/options/cache", 'options.cache is "off", but image.feature_id names what was kept'); // prettier-ignore
  }
  const model = engines
    .flatMap((engine) => [...engine.models])
    .find(({ revision }) => revision === seen.modelRevision);
  if (model === undefined) {
    throw new FlorenceError(
      "expired",
      `The features ${featureId} were made by a model that is not here any more. Send the image again.`,
      { errors: [{ pointer: "/image/feature_id", detail: "expired" }] },
    );
  }
  if (options.model !== undefined && options.model !== model.id) {
    throw contradiction("/options/model", `the features were made by ${model.id}`); // prettier-ignore
  }
  const { inputSize } = seen.features;
  if (options.input_size !== "auto" && options.input_size !== inputSize) {
    throw contradiction("/options/input_size", `the features were made at ${inputSize}`); // prettier-ignore
  }
  return { featureId, seen, options: { ...options, model: model.id } };
}

function contradiction(pointer: string, detail: string): FlorenceError {
  return new FlorenceError(
    "invalid_request",
    `${pointer.slice(1).replaceAll("/", ".")}: ${detail}. Leave it out, or send the image.`,
    { errors: [{ pointer, detail }] },
  );
}
