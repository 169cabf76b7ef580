// `POST /v1/analyze`: one image, up to sixteen tasks, one envelope.

import { analyze } from "../shared/analyze/analyze.ts";
import { throwIfAborted } from "../shared/errors.ts";
import { decodeImage } from "../shared/image/decode-image.ts";
import { sniffImage } from "../shared/image/sniff-image.ts";
import { chooseModel, refuseLaterOptions } from "./check-options.ts";
import { deadlineSignal } from "./deadline.ts";
import type { Host } from "./host.ts";
import { outlast } from "./outlast.ts";
import { readAnalyzeRequest } from "./read-analyze-request.ts";
import type { App, Route } from "./route.ts";
import { createTurns } from "./turns.ts";

/** Adds `POST /v1/analyze`. */
export function addAnalyzeRoute(app: App, host: Host): readonly Route[] {
  const turns = createTurns(host.limits.maxWaiting);

  app.post("/v1/analyze", async (context) => {
    const signal = deadlineSignal(context.req.raw);
    const { image: bytes, ...asked } = await readAnalyzeRequest(
      context.req.raw,
      host.limits,
    );
    refuseLaterOptions(asked.options, host.engine);
    const hosted = chooseModel(asked.options.model, host.models);
    const header = sniffImage(bytes);

    const work = turns.run(async () => {
      const decodeStartMs = host.platform.now();
      const image = await decodeImage(
        bytes,
        host.codecs,
        host.decoding(header),
      );
      const decodeMs = host.platform.now() - decodeStartMs;
      throwIfAborted(signal);
      const loaded = await outlast(hosted.load());
      return await analyze(
        loaded,
        { ...asked, image, bytes, decodeMs, engine: host.engine.name, signal },
        host.platform,
      );
    }, signal);
    host.keepAlive?.(work, context);
    const envelope = await work;
    context.header("Server-Timing", serverTiming(envelope.timings_ms));
    return context.json(envelope);
  });

  return [{ path: "/v1/analyze", allow: "POST" }];
}

/** `timings_ms` as a `Server-Timing` header (W3C Server Timing, section 3). */
function serverTiming(timings: Readonly<Record<string, number>>): string {
  return Object.entries(timings)
    .map(([part, ms]) => `${part};dur=${ms}`)
    .join(", ");
}
