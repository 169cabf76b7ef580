// What a request may ask of this host. An option that is known but not acted
// upon is refused with its reason: an ignored option is a wrong answer.

import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeOptions } from "../../shared/schema/analysis.ts";
import type { Engine } from "../engine/engine.ts";

/**
 * Refuses options that no part of this host acts upon.
 *
 * @throws FlorenceError `engine_unavailable`.
 */
export function refuseLaterOptions(
  options: AnalyzeOptions,
  engine: Engine,
): void {
  if (options.engine !== "auto" && options.engine !== engine.name) {
    throw new FlorenceError(
      "engine_unavailable",
      `There is no ${options.engine} engine here; this host runs ${engine.name}. Leave options.engine out, or set it to "auto".`,
    );
  }
}
