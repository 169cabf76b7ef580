// Threads that annotate photos, each with its specialists.

import type { Annotation, PhotoRecord, Source } from "../records/record.ts";
import type { SpecialistSpec } from "../specialists/specialist.ts";
import { openThreadPool, type ThreadPool } from "../threads/thread-pool.ts";

/** What every thread is given. */
export interface CrewSettings {
  /** Folder of the photos. */
  readonly folder: string;
  readonly specialists: readonly SpecialistSpec[];
  /** Threads of one model's run. */
  readonly threads: number;
}

/** One photo to annotate. */
export interface Assignment {
  readonly path: string;
  /** Ids of the sources that are to speak, of those in the settings. */
  readonly pending: readonly string[];
  /** What others said of it before. */
  readonly known: readonly Annotation[];
}

/** A specialist of the crew, as it is seen from outside. */
export interface CrewMember {
  readonly source: Source;
  readonly listens: boolean;
}

/** Each thread tells who is in it, in their order, and what they said. */
export type Crew = ThreadPool<
  readonly CrewMember[],
  Assignment,
  readonly PhotoRecord[]
>;

/**
 * Starts threads and waits until all have opened their specialists.
 *
 * @throws FlorenceError what a specialist could not be opened for.
 */
export async function openCrew(
  settings: CrewSettings,
  workers: number,
): Promise<Crew> {
  const script = new URL("crew-thread.ts", import.meta.url);
  return await openThreadPool(script, settings, workers);
}
