// From a spec to a specialist: one row per kind.

import { createDetector } from "./detector.ts";
import { createFlorence } from "./florence.ts";
import { createHuman } from "./human.ts";
import { createLinker } from "./linker.ts";
import { createMatte } from "./matte.ts";
import { createOcr } from "./ocr.ts";
import type { Specialist, SpecialistSpec } from "./specialist.ts";
import { createTags } from "./tags.ts";

export interface OpenOptions {
  /** Threads of one model's run. */
  readonly threads: number;
}

/**
 * Opens a specialist; the caller disposes it.
 *
 * @throws FlorenceError `engine_unavailable` with the install line where its
 *   package is missing; `not_found`, `bundle_invalid` for its files.
 */
export async function openSpecialist(
  spec: SpecialistSpec,
  options: OpenOptions,
): Promise<Specialist> {
  switch (spec.kind) {
    case "human":
      return await createHuman(spec.labels);
    case "detector":
      return await createDetector(spec, options);
    case "ocr":
      return await createOcr(options);
    case "matte":
      return await createMatte(spec, options);
    case "tags":
      return await createTags(spec.bundle, options);
    case "florence":
      return await createFlorence(spec, options);
    case "linker":
      return createLinker();
  }
}
