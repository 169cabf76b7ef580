// Keeps the vision pass of one request: in memory as soon as it is made, so that
// others who wait for it go on, and in the store before the answer names it.

import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import type { EngineAnswer } from "../engine/engine.ts";
import { outlast } from "../outlast.ts";
import type { FeatureCache } from "./feature-cache.ts";
import type { Flight } from "./flights.ts";
import { mergeSights, seesMore } from "./merge-sights.ts";

export interface PassKeeperOptions {
  readonly features: FeatureCache;
  readonly tenant: string;
  /** The pass the request is answered with; null if one is to be made. */
  readonly seen: SeenImage | null;
  /** Under which id a model's pass is kept; null where none is to be. */
  readonly idOf: (modelRevision: string) => Promise<string | null>;
  /** Who waits for the pass; null if nobody does. */
  readonly flight: Flight | null;
  /** Takes a write that may end after the answer. */
  readonly background?: ((work: Promise<unknown>) => void) | undefined;
}

export interface PassKeeper {
  /** Listeners for the engine, `events` among them. */
  listen(events?: AnalyzeEvents): AnalyzeEvents;
  /**
   * The feature id of an answer, once every isolate can read it; null if its
   * pass is not kept, or not before `signal` aborts.
   */
  finish(answer: EngineAnswer, signal: AbortSignal): Promise<string | null>;
}

export function createPassKeeper(options: PassKeeperOptions): PassKeeper {
  const { features, tenant, seen, idOf, flight, background } = options;
  const kept = new Set<string>();

  const keep = async (pass: SeenImage): Promise<void> => {
    const { modelRevision } = pass;
    const before = modelRevision === seen?.modelRevision ? seen : null;
    if (before !== null && !seesMore(pass, before)) return;
    if (kept.has(modelRevision)) return;
    kept.add(modelRevision);
    const id = await idOf(modelRevision);
    if (id === null) return;
    const all = before === null ? pass : mergeSights(before, pass);
    background?.(features.keep(id, tenant, all));
    flight?.end("seen");
  };
  let keeping = Promise.resolve();

  return {
    listen: (events = {}) => ({
      ...events,
      vision: (pass) => {
        keeping = keep(pass);
        // `finish` awaits it; where there is no answer, nothing is to be kept.
        keeping.catch(() => undefined);
        events.vision?.(pass);
      },
    }),
    async finish({ envelope, seen: made }, signal) {
      await keeping;
      if (made !== null) await keep(made);
      const { revision } = envelope.model;
      const isKept = revision === seen?.modelRevision || kept.has(revision);
      const id = isKept ? await idOf(revision) : null;
      flight?.end("unseen");
      if (id === null) return null;
      const written = features.written(id, tenant);
      return (await beforeAbort(written, signal)) ? id : null;
    },
  };
}

/** What `written` comes to, false if `signal` aborts before. */
async function beforeAbort(
  written: Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const abort = (): void => {
    resolve(false);
  };
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await outlast(Promise.race([written, promise]));
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
