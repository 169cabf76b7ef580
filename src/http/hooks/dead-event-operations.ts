// What became of bucket events that could not be taken, over HTTP.

import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";
import {
  DeadEventListSchema,
  listDeadEvents,
  MAX_DEAD_EVENTS,
  replayDeadEvent,
} from "./dead-events.ts";

/** @param take takes one message of bucket events. */
export function deadEventOperations(
  host: Host,
  take: (body: unknown) => Promise<void>,
): readonly Operation[] {
  const shared = { tag: "Hooks", access: "uploads" } as const;
  return [
    {
      ...shared,
      method: "GET",
      path: "/v1/dead-events",
      operationId: "listDeadEvents",
      summary: "List events of the bucket that could not be taken",
      description:
        "R2 tells a queue of new pictures. An event that fails again and again, as when no images are left this month, is dead: it is kept for 30 days, with what it failed with.",
      responses: {
        200: {
          description: `The newest first, at most ${MAX_DEAD_EVENTS}; those that are replayed make room for others.`,
          content: { "application/json": DeadEventListSchema },
        },
      },
      problems: [],
      handle: async (context) =>
        context.json(await listDeadEvents(host, context.get("principal"))),
    },
    {
      ...shared,
      method: "POST",
      path: "/v1/dead-events/{id}/replay",
      operationId: "replayDeadEvent",
      summary: "Take a dead event again",
      description:
        "Its picture becomes an upload, and its tasks a job, as if the event had just come; no picture is taken twice. If it fails again it stays dead.",
      parameters: [
        { name: "id", in: "path", description: "The dead event's id." },
      ],
      responses: { 204: { description: "It is taken, and dead no longer." } },
      problems: ["not_found", "quota_exceeded"],
      async handle(context) {
        const id = context.req.param("id") ?? "";
        await replayDeadEvent(host, take, context.get("principal"), id);
        return context.body(null, 204);
      },
    },
  ];
}
