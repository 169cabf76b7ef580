// Telemetry as one line of JSON for each request, and for each analysis that no
// request waited for.

import type { AnalysisRecord, RequestRecord, Telemetry } from "./telemetry.ts";

/**
 * @param write takes one line without its end.
 * @param now the date of a line, in milliseconds.
 */
export function jsonLog(
  write: (line: string) => void,
  now: () => number,
): Telemetry & { readonly failure: (error: unknown, id: string) => void } {
  const log = (fields: Readonly<Record<string, unknown>>): void => {
    const time = new Date(now()).toISOString();
    write(JSON.stringify({ time, ...fields }));
  };
  return {
    request: (record) => {
      log(requestFields(record));
    },
    analysis: (record) => {
      if (record.isOfRequest) return;
      log({
        level: "info",
        event: "analysis",
        ...(record.traceId !== null && { trace_id: record.traceId }),
        ...analysisFields(record),
      });
    },
    deadEvent: ({ id, tenant, code }) => {
      log({ level: "error", event: "dead_event", id, tenant, code });
    },
    failure: (error, id) => {
      const text =
        error instanceof Error ? (error.stack ?? error.message) : String(error);
      log({ level: "error", event: "failure", id, error: text });
    },
  };
}

function requestFields(record: RequestRecord): Record<string, unknown> {
  const { status, analyses } = record;
  const [first, ...rest] = analyses.map(analysisFields);
  return {
    level: status >= 500 ? "error" : "info",
    event: "request",
    request_id: record.requestId,
    trace_id: record.traceId,
    span_id: record.spanId,
    ...(record.parentId !== null && { parent_id: record.parentId }),
    method: record.method,
    route: record.route,
    status,
    ...(record.code !== null && { code: record.code }),
    ms: Math.round(record.ms),
    ...(record.tenant !== null && {
      tenant: record.tenant,
      principal: record.principalId,
    }),
    ...(first !== undefined && {
      analyses: rest.length === 0 ? [first] : [first, ...rest],
    }),
  };
}

function analysisFields(record: AnalysisRecord): Record<string, unknown> {
  const { image, imageBytes, code, timings } = record;
  return {
    tenant: record.tenant,
    tasks: record.tasks,
    outcome: record.outcome,
    ...(code !== null && { code }),
    ...(image !== null && {
      image: `${image.width}x${image.height} ${image.mediaType}`,
    }),
    ...(imageBytes !== null && { image_bytes: imageBytes }),
    engine: record.engine,
    model: record.model,
    ms: Math.round(record.ms),
    timings_ms: timings,
    vision_passes: record.visionPasses,
    prompt_tokens: record.promptTokens,
    output_tokens: record.outputTokens,
  };
}
