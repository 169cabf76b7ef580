// One request about one picture, whoever brought it: a call, a job, an upload,
// an agent. Finds the picture, looks for features kept from before, chooses an
// engine, and keeps what may be asked for again.

import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import { sniffImage } from "../../shared/image/sniff-image.ts";
import type { AnalyzeRequest, Envelope } from "../../shared/schema/analysis.ts";
import type { Engine } from "../engine/engine.ts";
import type { Principal } from "../principal.ts";
import type { ImageReference } from "./image-reference.ts";
import type { ImageResolver } from "./image-resolver.ts";

export interface AnalyzerRequest extends AnalyzeRequest {
  readonly image: ImageReference;
}

export interface AnalyzerOptions {
  readonly signal: AbortSignal;
  readonly events?: AnalyzeEvents;
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
      if (bytes !== null) sniffImage(bytes);
      const answer = await engine.analyze(
        { ...asked, bytes, seen, signal },
        events,
      );
      return answer.envelope;
    },
  };
}
