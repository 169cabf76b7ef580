// One call for each phase, as a test or a process of its own makes it.

import { annotate } from "../../src/data-engine/annotate/annotate.ts";
import { filter } from "../../src/data-engine/filter/filter.ts";
import { parseFilterOptions } from "../../src/data-engine/filter/filter-options.ts";
import { refine } from "../../src/data-engine/refine/refine.ts";

/** What a phase is called with. */
export type PhaseCall =
  | {
      readonly phase: "annotate";
      readonly photos: string;
      readonly out: string;
      readonly labels: string;
    }
  | { readonly phase: "filter"; readonly records: string; readonly out: string }
  | {
      readonly phase: "refine";
      readonly photos: string;
      readonly records: string;
      readonly out: string;
      /** A shell's command line. */
      readonly train: string;
    };

/**
 * Runs a phase with one thread.
 *
 * @param onPhoto told when the lines of a photo are written.
 */
export async function runPhase(
  call: PhaseCall,
  onPhoto: (path: string) => void = () => undefined,
): Promise<void> {
  const options = parseFilterOptions({});
  const how = {
    workers: 1,
    signal: new AbortController().signal,
    onPhoto: (_: number, __: number, path: string): void => {
      onPhoto(path);
    },
  };
  switch (call.phase) {
    case "annotate": {
      const { photos, out, labels } = call;
      const specialists = [{ kind: "human", labels }, { kind: "linker" }] as const; // prettier-ignore
      await annotate({ photos, out, specialists, ...how });
      return;
    }
    case "filter":
      await filter({ records: call.records, out: call.out, options, ...how });
      return;
    case "refine":
      await refine({ ...call, rounds: 1, tasks: ["detect"], options, ...how });
      return;
  }
}
