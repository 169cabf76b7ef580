// Kept answers: `GET` and `DELETE /v1/analyses/{id}`.

import { EnvelopeSchema } from "../../shared/schema/analysis.ts";
import type { Host } from "../host.ts";
import type { Operation, Parameter } from "../operation.ts";
import { deleteAnalysis, readAnalysis } from "./analysis-store.ts";

const ID: Parameter = {
  name: "id",
  in: "path",
  description: "`id` of an answer whose request had `options.store`.",
  isRequired: true,
};

export function analysisOperations(host: Host): readonly Operation[] {
  return [
    {
      method: "GET",
      path: "/v1/analyses/{id}",
      operationId: "getAnalysis",
      tag: "Analyze",
      summary: "Read an answer that was kept",
      access: "analyze",
      parameters: [ID],
      responses: {
        200: {
          description: "The answer as it was given.",
          content: { "application/json": EnvelopeSchema },
        },
      },
      problems: ["not_found", "expired"],
      async handle(context) {
        const { tenant } = context.get("principal");
        const body = await readAnalysis(host, context.req.param("id")!, tenant);
        return context.body(body, 200, { "Content-Type": "application/json" });
      },
    },
    {
      method: "DELETE",
      path: "/v1/analyses/{id}",
      operationId: "deleteAnalysis",
      tag: "Analyze",
      summary: "Delete an answer that was kept",
      access: "analyze",
      parameters: [ID],
      responses: { 204: { description: "It is gone." } },
      problems: ["not_found"],
      async handle(context) {
        const { tenant } = context.get("principal");
        await deleteAnalysis(host, context.req.param("id")!, tenant);
        return context.body(null, 204);
      },
    },
  ];
}
