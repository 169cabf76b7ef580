// Several listeners as one.

import type { Telemetry } from "./telemetry.ts";

/** Tells each of them, in order. */
export function joinTelemetry(all: readonly Telemetry[]): Telemetry {
  return {
    request: (record) => {
      for (const one of all) one.request?.(record);
    },
    analysis: (record) => {
      for (const one of all) one.analysis?.(record);
    },
    deadEvent: (record) => {
      for (const one of all) one.deadEvent?.(record);
    },
  };
}
