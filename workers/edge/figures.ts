// Figures for Analytics Engine: one data point for each request, and for each
// analysis that no request waited for, and each bucket event that is given up.
// No tenant, no picture, no phrase.

import type {
  AnalysisRecord,
  Telemetry,
} from "../../src/http/observability/telemetry.ts";

/** `AnalyticsEngineDataset`, as far as it is used. */
export interface FigureSink {
  writeDataPoint(point: {
    readonly indexes: string[];
    readonly blobs: string[];
    readonly doubles: number[];
  }): void;
}

/**
 * Writes data points. Columns, in SQL: `blob1` what it is (`request`,
 * `analysis`, `dead_event`), `blob2` the route, `blob3` the status or outcome, `blob4` the
 * problem's code, `blob5` the tasks, `blob6` the engine; `double1` milliseconds,
 * `double2` images, `double3` vision passes, `double4` output tokens. The index
 * is the route, so that sampling keeps seldom ones.
 */
export function figuresTelemetry(dataset: FigureSink): Telemetry {
  const write = (
    [kind, route, outcome, code]: readonly [string, string, string, string],
    ms: number,
    analyses: readonly AnalysisRecord[],
  ): void => {
    const sum = (of: (record: AnalysisRecord) => number): number =>
      analyses.reduce((total, record) => total + of(record), 0);
    const engines = analyses.map(({ engine }) => engine ?? "none");
    dataset.writeDataPoint({
      indexes: [route],
      blobs: [
        ...[kind, route, outcome, code],
        analyses.flatMap(({ tasks }) => tasks).join(","),
        [...new Set(engines)].join(","),
      ],
      doubles: [
        ...[ms, analyses.length],
        sum(({ visionPasses }) => visionPasses),
        sum(({ outputTokens }) => outputTokens),
      ],
    });
  };
  return {
    request: ({ route, status, code, ms, analyses }) => {
      const where = route ?? "none";
      write(["request", where, String(status), code ?? ""], ms, analyses);
    },
    analysis: (record) => {
      if (record.isOfRequest) return;
      const { outcome, code, ms } = record;
      write(["analysis", "none", outcome, code ?? ""], ms, [record]);
    },
    deadEvent: ({ code }) => {
      write(["dead_event", "none", "dead", code], 0, []);
    },
  };
}
