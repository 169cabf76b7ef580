// `POST /v1/analyze`: one image, up to sixteen tasks, one envelope.

import { EnvelopeSchema } from "../../shared/schema/analysis.ts";
import { requestJsonSchema } from "../../shared/schema/json-schema.ts";
import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";
import type { Analyzer } from "./analyzer.ts";
import { refuseLaterOptions } from "./check-options.ts";
import { deadlineSignal } from "./deadline.ts";
import { readAnalyzeRequest } from "./read-analyze-request.ts";

export function analyzeOperations(
  host: Host,
  analyzer: Analyzer,
): readonly Operation[] {
  return [
    {
      method: "POST",
      path: "/v1/analyze",
      operationId: "analyze",
      tag: "Analyze",
      summary: "Ask up to 16 tasks of one image",
      access: "analyze",
      isIdempotent: true,
      body: {
        isRequired: true,
        content: { "application/json": requestJsonSchema() },
      },
      responses: {
        200: {
          description: "The answers; a task that failed is a problem in it.",
          content: { "application/json": EnvelopeSchema },
        },
      },
      problems: ["image_too_large"],
      async handle(context) {
        const signal = deadlineSignal(context.req.raw);
        const { image, ...asked } = await readAnalyzeRequest(
          context.req.raw,
          host.limits,
        );
        refuseLaterOptions(asked.options, host.engines[0]);
        const work = analyzer.analyze(
          { ...asked, image: { kind: "bytes", bytes: image } },
          context.get("principal"),
          { signal },
        );
        host.keepAlive?.(work, context);
        const envelope = await work;
        context.header("Server-Timing", serverTiming(envelope.timings_ms));
        return context.json(envelope);
      },
    },
  ];
}

/** `timings_ms` as a `Server-Timing` header (W3C Server Timing, section 3). */
function serverTiming(timings: Readonly<Record<string, number>>): string {
  return Object.entries(timings)
    .map(([part, ms]) => `${part};dur=${ms}`)
    .join(", ");
}
