// One request about one picture, whoever brought it: a call, a job, an upload,
// an agent. Finds the picture, looks for features kept from before, chooses an
// engine, and keeps what may be asked for again.

import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { freeMemory } from "../../shared/free-memory.ts";
import { sniffImage } from "../../shared/image/sniff-image.ts";
import type {
  AnalyzeOptions,
  AnalyzeRequest,
  Envelope,
} from "../../shared/schema/analysis.ts";
import type { EngineName } from "../engine/engine.ts";
import type { Ladder } from "../engine/ladder.ts";
import { keepAnalysis } from "../features/analysis-store.ts";
import type { FeatureCache } from "../features/feature-cache.ts";
import {
  createFlights,
  type Flight,
  type Flights,
} from "../features/flights.ts";
import { createPassKeeper } from "../features/pass-keeper.ts";
import { recall, recallNamed } from "../features/recall.ts";
import type { Host } from "../host.ts";
import type { Principal } from "../principal.ts";
import type { ImageReference } from "./image-reference.ts";
import type { ImageResolver, ResolvedImage } from "./image-resolver.ts";

export interface AnalyzerRequest extends AnalyzeRequest {
  readonly image: ImageReference;
}

/** What is known when an engine is given the work. */
export interface StartedAnalysis {
  /** Of the picture as its header has it, or as it was seen before. */
  readonly image: {
    readonly width: number;
    readonly height: number;
    readonly media_type: string;
  };
  /** The first that is tried; the envelope says which answered. */
  readonly engine: EngineName;
}

export interface AnalyzerEvents extends AnalyzeEvents {
  readonly started?: (started: StartedAnalysis) => void;
}

export interface AnalyzerOptions {
  readonly signal: AbortSignal;
  /** When the signal aborts, on the host's clock; left out if nobody waits. */
  readonly deadlineAtMs?: number;
  /** W3C Trace Context, passed on to engines elsewhere. */
  readonly traceparent?: string;
  readonly events?: AnalyzerEvents;
  /** Takes work that may end after the answer. It never rejects. */
  readonly background?: (work: Promise<unknown>) => void;
}

export interface Analyzer {
  /**
   * Answers a request.
   *
   * @throws FlorenceError with any code of an analysis.
   */
  analyze(
    request: AnalyzerRequest,
    principal: Principal,
    options: AnalyzerOptions,
  ): Promise<Envelope>;
}

/** What an analyzer is made of. */
export interface AnalyzerParts {
  readonly host: Host;
  readonly images: ImageResolver;
  readonly features: FeatureCache;
  readonly engine: Ladder;
}

export function createAnalyzer(parts: AnalyzerParts): Analyzer {
  const { host, images, features, engine } = parts;
  const flights = createFlights();
  return {
    async analyze(request, principal, options) {
      const { signal, events, background } = options;
      const { deadlineAtMs, traceparent } = options;
      const { image, ...asked } = request;
      const { tenant } = principal;
      const found = await images.resolve(image, principal, signal);
      // Refused from its header before it waits for anything.
      const header = found.bytes === null ? null : headerFacts(found.bytes);
      const looked = await lookForPass(parts, flights, {
        ...{ request, found, tenant, signal },
      });
      const { seen, options: exact, idOf, flight } = looked;
      const keeper = createPassKeeper({
        ...{ features, tenant, seen, idOf, flight, background },
      });
      try {
        const facts = header ?? seen?.image;
        if (facts === undefined) throw new Error("internal: no image at hand");
        const { width, height, media_type } = facts;
        events?.started?.({
          image: { width, height, media_type },
          engine: engine.firstFor(asked),
        });
        const answer = await engine.analyze(
          {
            ...asked,
            options: exact,
            bytes: found.bytes,
            seen,
            signal,
            principal,
            ...(deadlineAtMs !== undefined && { deadlineAtMs }),
            ...(traceparent !== undefined && { traceparent }),
          },
          keeper.listen(events),
        );
        const featureId = await keeper.finish(answer, signal);
        const envelope = completed(answer.envelope, featureId, found.fetchMs);
        // What is kept has copies of its own.
        for (const pass of [seen, answer.seen]) {
          if (pass !== null) freeMemory(pass.features.data);
        }
        if (asked.options.store) await keepAnalysis(host, envelope, tenant);
        return envelope;
      } finally {
        // Unless it was seen: who waits makes a pass of their own.
        flight?.end("failed");
      }
    },
  };
}

/** What is known of a picture before an engine is asked. */
interface RecalledImage {
  /** A pass from before; null if the picture is to be seen. */
  readonly seen: SeenImage | null;
  readonly options: AnalyzeOptions;
  /** Under which id a model's pass is kept; null where none is to be. */
  readonly idOf: (modelRevision: string) => Promise<string | null>;
  /** Id of the pass to be made; null if none is to be kept. */
  readonly nextId: string | null;
}

/** A picture to be looked at, or a pass that another has just made. */
interface LookedForPass extends RecalledImage {
  /** Given, others may wait for the pass that this request makes. */
  readonly flight: Flight | null;
}

interface PassQuestion {
  readonly request: AnalyzerRequest;
  readonly found: ResolvedImage;
  readonly tenant: string;
  readonly signal: AbortSignal;
}

/**
 * Looks for a pass; where there is none, waits for another request that makes
 * it, or is the one others wait for. Whoever waited for one that failed tries
 * anew; whoever waited in vain makes a pass alone.
 *
 * @throws FlorenceError `deadline_exceeded`, and as `recallNamed`.
 */
async function lookForPass(
  parts: AnalyzerParts,
  flights: Flights,
  { request, found, tenant, signal }: PassQuestion,
): Promise<LookedForPass> {
  for (let hasWaited = false; ;) {
    const recalled = await recallImage(parts, request, found, tenant);
    const { seen, nextId } = recalled;
    if (seen !== null || nextId === null || hasWaited) {
      return { ...recalled, flight: null };
    }
    const flight = flights.begin(nextId, signal);
    if (flight !== null) return { ...recalled, flight };
    hasWaited = (await flights.wait(nextId, signal)) !== "failed";
  }
}

async function recallImage(
  { host: { engines, platform }, features }: AnalyzerParts,
  { image, options }: AnalyzerRequest,
  { bytes, seen: named }: ResolvedImage,
  tenant: string,
): Promise<RecalledImage> {
  if (image.kind === "feature" && named !== null) {
    const { featureId } = image;
    return {
      seen: named,
      options: recallNamed(featureId, named, { engines, options }),
      idOf: () => Promise.resolve(featureId),
      nextId: null,
    };
  }
  if (bytes === null || options.cache === "off") {
    const idOf = () => Promise.resolve(null);
    return { seen: null, options, idOf, nextId: null };
  }
  const sha256 = await platform.sha256(bytes);
  const inputSize = options.input_size;
  return {
    ...(await recall(features, tenant, sha256, { engines, options })),
    options,
    idOf: (modelRevision) =>
      features.idOf({ tenant, sha256, modelRevision, inputSize }),
  };
}

/** The envelope with what the engine did not know. */
function completed(
  envelope: Envelope,
  featureId: string | null,
  fetchMs: number | null,
): Envelope {
  const { image, timings_ms: timings } = envelope;
  return {
    ...envelope,
    image: featureId === null ? image : { ...image, feature_id: featureId },
    timings_ms:
      fetchMs === null
        ? timings
        : { fetch: fetchMs, ...timings, total: timings.total + fetchMs },
  };
}

/** The picture's size, upright, as its header has it. */
function headerFacts(bytes: Uint8Array): StartedAnalysis["image"] {
  const { width, height, orientation, mediaType } = sniffImage(bytes);
  return {
    ...(orientation >= 5
      ? { width: height, height: width }
      : { width, height }),
    media_type: mediaType,
  };
}
