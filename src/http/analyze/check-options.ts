// What a request may ask of this host. An option that is known but not acted
// upon is refused with its reason: an ignored option is a wrong answer.

import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeOptions } from "../../shared/schema/analysis.ts";
import type { Engine } from "../engine/engine.ts";

/**
 * Refuses options that no part of this host acts upon.
 *
 * @throws FlorenceError `invalid_request`, `engine_unavailable`.
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
  const later: readonly (readonly [string, boolean])[] = [
    ["/options/tiling/mode", options.tiling.mode !== "off"],
    ["/options/render/format", options.render.format !== "none"],
    ["/options/render/crops", options.render.crops !== "none"],
    ["/options/store", options.store],
  ];
  const errors = later
    .filter(([, isAsked]) => isAsked)
    .map(([pointer]) => ({
      pointer,
      detail: "not supported by this release; leave it out",
    }));
  if (errors.length === 0) return;
  const fields = errors.map(({ pointer }) =>
    pointer.slice(1).replaceAll("/", "."),
  );
  throw new FlorenceError(
    "invalid_request",
    `${fields.join(" and ")} cannot be had from this release. Leave it out.`,
    { errors },
  );
}
