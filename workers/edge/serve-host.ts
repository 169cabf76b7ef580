// A Worker over a host: requests, queue messages, the clock.

import type { Host } from "../../src/http/host.ts";
import { migrate } from "../../src/http/migrate.ts";
import {
  problemOf,
  problemResponse,
  retryAfterSeconds,
} from "../../src/http/problem.ts";
import { createService, type Service } from "../../src/http/service.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { consumeBatch } from "./consume-batch.ts";
import type { Env } from "./env.ts";
import { WORKER_PLATFORM } from "./platform.ts";

/**
 * A Worker's handlers; the service starts with the first call.
 *
 * @param hostOf makes the host; asked again if it failed.
 */
export function serveHost<E extends Env>(
  hostOf: (env: E) => Host | Promise<Host>,
): Required<Pick<ExportedHandler<E>, "fetch" | "queue" | "scheduled">> {
  let starting: Promise<Service> | null = null;

  const serviceOf = (env: E, context: ExecutionContext): Promise<Service> => {
    starting ??= start(env, context).catch((error: unknown) => {
      starting = null;
      throw error;
    });
    return starting;
  };
  const start = async (env: E, context: ExecutionContext): Promise<Service> => {
    const host = await hostOf(env);
    await migrate(host.database);
    const service = createService(host);
    // What was left undone when the last isolate ended need not wait for the
    // clock.
    context.waitUntil(service.sweep());
    return service;
  };

  return {
    async fetch(request, env, context) {
      if (await isFlood(request, env)) {
        return refuse(
          request,
          new FlorenceError(
            "rate_limited",
            "Too many requests come from this address. Wait a minute, and spread them.",
            { retryAfterSeconds: 60 },
          ),
        );
      }
      let service: Service;
      try {
        service = await serviceOf(env, context);
      } catch (error) {
        console.error("The service did not start:", error);
        return notStarted(request);
      }
      return await service.app.fetch(request, env, context);
    },

    async queue(batch, env, context) {
      await consumeBatch(batch, await serviceOf(env, context));
    },

    async scheduled(_controller, env, context) {
      const service = await serviceOf(env, context);
      await service.sweep();
    },
  };
}

/** Whoever asks is not told why: the reason names settings. */
function notStarted(request: Request): Response {
  return refuse(
    request,
    new FlorenceError(
      "internal",
      "The service did not start. Its log says which setting or binding is wrong; docs/deploy.md lists them.",
    ),
  );
}

/**
 * Turns away whoever sends more requests than anybody should, before they cost
 * anything. Callers on this machine are never many.
 */
async function isFlood(request: Request, env: Env): Promise<boolean> {
  const address = request.headers.get("CF-Connecting-IP") ?? "::1";
  if (env.FLOOD === undefined || /^(?:127\.|::1$)/u.test(address)) return false;
  const { success } = await env.FLOOD.limit({ key: address });
  return !success;
}

function refuse(request: Request, error: FlorenceError): Response {
  const { pathname } = new URL(request.url);
  const problem = problemOf(error, pathname, WORKER_PLATFORM.id("req"));
  const seconds = retryAfterSeconds(error, problem);
  return problemResponse(
    problem,
    seconds === null ? {} : { "Retry-After": String(seconds) },
  );
}
