// One request about one picture, whoever brought it: a call, a job, an upload,
// an agent. Finds the picture, looks for features kept from before, chooses an
// engine, and keeps what may be asked for again.

import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import { sniffImage } from "../../shared/image/sniff-image.ts";
import type { AnalyzeRequest, Envelope } from "../../shared/schema/analysis.ts";
import type { Engine, EngineName } from "../engine/engine.ts";
import type { Principal } from "../principal.ts";
import type { ImageReference } from "./image-reference.ts";
import type { ImageResolver } from "./image-resolver.ts";

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
  readonly events?: AnalyzerEvents;
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

export function createAnalyzer({
  images,
  engine,
}: {
  readonly images: ImageResolver;
  readonly engine: Engine;
}): Analyzer {
  return {
    async analyze({ image, ...asked }, principal, { signal, events }) {
      const { bytes, seen } = await images.resolve(image, principal, signal);
      // Refused from its header before it waits for anything.
      const facts = seen === null ? headerFacts(bytes) : seen.image;
      const { width, height, media_type } = facts;
      events?.started?.({
        image: { width, height, media_type },
        engine: engine.name,
      });
      const answer = await engine.analyze(
        { ...asked, bytes, seen, signal },
        events,
      );
      return answer.envelope;
    },
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
