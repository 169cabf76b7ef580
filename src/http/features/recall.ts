// Whether a picture was seen before, and by which model.

import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeOptions } from "../../shared/schema/analysis.ts";
import type { Engine } from "../engine/engine.ts";
import type { FeatureCache } from "./feature-cache.ts";

/** What a request asks, as far as it decides which pass may serve it. */
export interface RecallQuestion {
  readonly engines: readonly Engine[];
  readonly options: AnalyzeOptions;
}

/** What is known of a picture whose file is at hand. */
export interface Recalled {
  /** A pass over it from before; null if there is none, or none may be used. */
  readonly seen: SeenImage | null;
  /** The pass to be made if there is none; null if none is to be kept. */
  readonly nextId: string | null;
}

/**
 * Looks for a pass over a picture whose file is at hand, by any model that may
 * be asked.
 *
 * @param sha256 of the file, lower-case hexadecimal.
 */
export async function recall(
  features: FeatureCache,
  tenant: string,
  sha256: string,
  { engines, options }: RecallQuestion,
): Promise<Recalled> {
  if (options.cache === "off") return { seen: null, nextId: null };
  const asked = engines.filter(({ name }) =>
    ["auto", name].includes(options.engine),
  );
  const models = asked.flatMap((engine) =>
    options.model === undefined
      ? engine.models.slice(0, 1)
      : engine.models.filter(({ id }) => id === options.model),
  );
  const inputSize = options.input_size;
  let nextId: string | null = null;
  for (const modelRevision of new Set(models.map((one) => one.revision))) {
    const key = { tenant, sha256, modelRevision, inputSize };
    const id = await features.idOf(key);
    nextId ??= id;
    const seen = await features.find(id, tenant);
    if (seen !== null) return { seen, nextId };
  }
  return { seen: null, nextId };
}

/**
 * Checks that a pass named by a request answers what it asks.
 *
 * @returns the options, their model the one that saw the picture.
 * @throws FlorenceError `invalid_request` if it asks for another model or size;
 *   `expired` if the model that saw the picture is not here any more.
 */
export function recallNamed(
  featureId: string,
  seen: SeenImage,
  { engines, options }: RecallQuestion,
): AnalyzeOptions {
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
  return { ...options, model: model.id };
}

function contradiction(pointer: string, detail: string): FlorenceError {
  return new FlorenceError(
    "invalid_request",
    `${pointer.slice(1).replaceAll("/", ".")}: ${detail}. Leave it out, or send the image.`,
    { errors: [{ pointer, detail }] },
  );
}
