// Probes: whether the process answers, and whether it can answer questions.

import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";

export function healthOperations(host: Host): readonly Operation[] {
  return [
    {
      method: "GET",
      path: "/v1/health/live",
      operationId: "live",
      tag: "Health",
      summary: "Whether the process answers",
      access: "public",
      responses: { 200: { description: "It does." } },
      problems: [],
      handle: (context) => context.json({ status: "live" }),
    },
    {
      method: "GET",
      path: "/v1/health/ready",
      operationId: "ready",
      tag: "Health",
      summary: "Whether the model is loaded; loads it if nobody has yet",
      access: "public",
      responses: { 200: { description: "It is." } },
      problems: ["engine_unavailable", "warming_up", "bundle_invalid"],
      // A probe is the right one to wait for the model.
      async handle(context) {
        const [engine] = host.engines;
        const loading = engine.warm();
        host.keepAlive?.(loading, context);
        await loading;
        return context.json({ status: "ready", model: engine.models[0].id });
      },
    },
  ];
}
