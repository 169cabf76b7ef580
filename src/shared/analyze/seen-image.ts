// What is left of an image once a model has seen it: enough for more questions
// without its pixels.

import type { Features } from "../model/model.ts";
import type { Envelope } from "../schema/analysis.ts";

/** Facts of an image as the envelope has them. */
export type ImageFacts = Omit<Envelope["image"], "feature_id">;

/** A vision pass, kept or sent elsewhere. */
export interface SeenImage {
  readonly features: Features;
  readonly image: ImageFacts;
  /** `revision` of the manifest of the model that saw it. */
  readonly modelRevision: string;
}
