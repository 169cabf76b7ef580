// What a request may ask of this host, told before any work is done.

import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeOptions } from "../../shared/schema/analysis.ts";
import type { Engine } from "../engine/engine.ts";

/**
 * Refuses a request that insists on an engine which is no part of this host.
 *
 * @throws FlorenceError `engine_unavailable`, naming the engines there are.
 */
export function refuseAbsentEngine(
  options: AnalyzeOptions,
  engines: readonly Engine[],
): void {
  if (options.engine === "auto" || options.allow_fallback) return;
  if (engines.some(({ name }) => name === options.engine)) return;
  const names = engines.map(({ name }) => name).join(", ");
  throw new FlorenceError(
    "engine_unavailable",
    `There is no ${options.engine} engine here; there is: ${names}. Set options.engine to "auto", or let another answer (options.allow_fallback).`,
  );
}
