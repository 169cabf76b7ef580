// Figures for Prometheus: `GET /metrics`.

import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
} from "prom-client";
import type { Telemetry } from "../http/observability/telemetry.ts";
import type { Operation } from "../http/operation.ts";
import { sql, type Database, type Statement } from "../http/ports/database.ts";
import type { ThreadEngine } from "./thread-engine.ts";

export interface Metrics {
  readonly telemetry: Telemetry;
  readonly operation: Operation;
  /** Shows what kept features take, from now on. */
  watchFeatures(memoryBytes: () => number): void;
}

/** What is shown of an engine. */
export type WatchedEngine = Pick<ThreadEngine, "load" | "heapBytes">;

/** From a refusal to a large page on a CPU. */
const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

/**
 * Counts what the service tells, and asks the engine and the database when it
 * is asked itself. Labels are names from our own tables: their number is
 * bounded, and no tenant is among them.
 */
export function createMetrics(
  database: Database,
  engine: WatchedEngine,
): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const watched = watchEngine(registry, engine);
  watchRows(registry, database);
  return {
    telemetry: { request: countRequests(registry), analysis: watched },
    watchFeatures(memoryBytes) {
      new Gauge({
        name: "florence_feature_memory_bytes",
        help: "Vision passes kept in memory.",
        registers: [registry],
        collect() {
          this.set(memoryBytes());
        },
      });
    },
    operation: {
      method: "GET",
      path: "/metrics",
      operationId: "metrics",
      tag: "Health",
      summary: "Figures in Prometheus's text form",
      description:
        "Needs a key with the scope admin: figures tell of every tenant.",
      access: "admin",
      responses: {
        200: {
          description: "The figures.",
          content: { "text/plain": { type: "string" } },
        },
      },
      problems: [],
      handle: async (context) => {
        context.header("Content-Type", registry.contentType);
        return context.body(await registry.metrics());
      },
    },
  };
}

function countRequests(registry: Registry): NonNullable<Telemetry["request"]> {
  const seconds = new Histogram({
    name: "florence_request_seconds",
    help: "Requests by path and status, and how long each took.",
    labelNames: ["method", "route", "status"],
    buckets: SECONDS,
    registers: [registry],
  });
  return ({ method, route, status, ms }) => {
    const labels = { method, route: route ?? "none", status };
    // What nobody serves has as many methods as callers can think of.
    if (route === null) labels.method = "any";
    seconds.observe(labels, ms / 1000);
  };
}

function watchEngine(
  registry: Registry,
  engine: WatchedEngine,
): NonNullable<Telemetry["analysis"]> {
  const registers = [registry];
  new Gauge({
    name: "florence_engine_requests",
    help: "Requests the engine is at, and those that wait for it.",
    labelNames: ["state"],
    registers,
    collect() {
      const { running, waiting } = engine.load();
      this.set({ state: "running" }, running);
      this.set({ state: "waiting" }, waiting);
    },
  });
  new Gauge({
    name: "florence_engine_queue_capacity",
    help: "Requests that may wait for the engine.",
    registers,
    collect() {
      this.set(engine.load().capacity);
    },
  });
  new Gauge({
    name: "florence_engine_workers",
    help: "Threads with models that can take work.",
    registers,
    collect() {
      this.set(engine.load().workers);
    },
  });
  new Gauge({
    name: "florence_engine_heap_bytes",
    help: "Heaps of the threads with models, and what JavaScript holds beside.",
    registers,
    async collect() {
      this.set(await engine.heapBytes());
    },
  });
  const analyses = new Counter({
    name: "florence_analyses_total",
    help: "Pictures answered, by engine and outcome; code of the problem if it failed.",
    labelNames: ["engine", "outcome", "code"],
    registers,
  });
  const seconds = new Histogram({
    name: "florence_analysis_seconds",
    help: "Time of each part of an analysis: fetch, decode, vision, text, total.",
    labelNames: ["engine", "part"],
    buckets: SECONDS,
    registers,
  });
  const tasks = new Counter({
    name: "florence_tasks_total",
    help: "Tasks asked.",
    labelNames: ["task"],
    registers,
  });
  const tokens = new Counter({
    name: "florence_tokens_total",
    help: "Tokens read and written.",
    labelNames: ["kind"],
    registers,
  });
  const passes = new Counter({
    name: "florence_vision_passes_total",
    help: "Vision passes made; kept features cost none.",
    registers,
  });
  return (record) => {
    const name = record.engine ?? "none";
    const { outcome, code } = record;
    analyses.inc({ engine: name, outcome, code: code ?? "" });
    for (const task of record.tasks) tasks.inc({ task });
    for (const [part, ms] of Object.entries(record.timings)) {
      seconds.observe({ engine: name, part }, ms / 1000);
    }
    tokens.inc({ kind: "prompt" }, record.promptTokens);
    tokens.inc({ kind: "output" }, record.outputTokens);
    passes.inc(record.visionPasses);
  };
}

/** What waits in the database, by state. */
function watchRows(registry: Registry, database: Database): void {
  const gauge = (name: string, help: string, statement: Statement): void => {
    new Gauge({
      name,
      help,
      labelNames: ["state"],
      registers: [registry],
      async collect() {
        this.reset();
        for (const row of await database.all(statement)) {
          this.set({ state: String(row["state"]) }, Number(row["rows"]));
        }
      },
    });
  };
  gauge(
    "florence_deliveries",
    "Webhook deliveries kept, by state: pending, delivered, dead.",
    sql`SELECT state, count(*) AS rows FROM deliveries GROUP BY state`,
  );
  gauge(
    "florence_job_images",
    "Images of jobs kept, by state.",
    sql`SELECT state, count(*) AS rows FROM job_items GROUP BY state`,
  );
}
