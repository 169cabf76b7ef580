// From operations to an app: routes, access, 404, 405 and problem documents.

import { Hono } from "hono";
import { FlorenceError } from "../shared/errors.ts";
import type { Guard } from "./auth/guard.ts";
import { createAnswerOnce } from "./auth/idempotency.ts";
import type { Host } from "./host.ts";
import { createObserver } from "./observability/observer.ts";
import {
  routePath,
  type App,
  type AppContext,
  type AppEnv,
  type Operation,
} from "./operation.ts";
import { problemOf, problemResponse, retryAfterSeconds } from "./problem.ts";

/**
 * The API over one host.
 *
 * Every answer has `X-Request-Id`, `traceparent` and `Server-Timing`; every error is a
 * problem document (RFC 9457), 404 and 405 among them.
 */
export function createApp(
  host: Host,
  operations: readonly Operation[],
  guard: Guard,
  observer = createObserver(host),
): App {
  const { platform } = host;
  const app = new Hono<AppEnv>();

  app.use(async (context, next) => {
    const startedMs = platform.now();
    const requestId = platform.id("req");
    context.set("startedMs", startedMs);
    context.set("requestId", requestId);
    await observer.middleware(context, next);
    context.header("X-Request-Id", requestId);
    for (const [name, value] of context.get("accessHeaders") ?? []) {
      context.header(name, value);
    }
    if (!context.res.headers.has("Server-Timing")) {
      const totalMs = Math.round(platform.now() - startedMs);
      context.header("Server-Timing", `total;dur=${totalMs}`);
    }
  });

  const refuse = (
    error: unknown,
    context: AppContext,
    headers: Readonly<Record<string, string>> = {},
  ): Response => {
    const requestId = context.get("requestId");
    const problem = problemOf(error, context.req.path, requestId);
    context.set("problemCode", problem.code);
    if (problem.status >= 500) host.onFailure?.(error, requestId);
    const retryAfter = retryAfterSeconds(error, problem);
    const all = {
      ...(retryAfter !== null && { "Retry-After": String(retryAfter) }),
      ...(problem.status === 401 && { "WWW-Authenticate": "Bearer" }),
      ...headers,
    };
    const form = context.get("errorForm");
    return form === undefined
      ? problemResponse(problem, all)
      : Response.json(form.of(problem), {
          status: problem.status,
          headers: all,
        });
  };

  const answerOnce = createAnswerOnce(host);
  for (const operation of operations) {
    app.on(operation.method, routePath(operation.path), async (context) => {
      context.set("route", operation.path);
      context.set("errorForm", operation.errorForm);
      if (operation.access !== "public" && operation.access !== "signed") {
        context.set("principal", await guard(context, operation));
      }
      return await answerOnce(context, operation, async () => {
        try {
          return await operation.handle(context);
        } catch (error) {
          return refuse(error, context);
        }
      });
    });
  }
  for (const [path, allow] of allowedMethods(operations)) {
    app.all(routePath(path), (context) => {
      context.set("route", path);
      const error = new FlorenceError(
        "method_not_allowed",
        `${path} does not take ${context.req.method}; it takes ${allow}.`,
      );
      return refuse(error, context, { Allow: allow });
    });
  }
  app.notFound((context) => {
    const paths = [...new Set(operations.map(({ path }) => path))].join(", ");
    const error = new FlorenceError(
      "not_found",
      `There is nothing at ${context.req.path.slice(0, 200)}. There is: ${paths}.`,
    );
    return refuse(error, context);
  });
  app.onError((error, context) => refuse(error, context));
  return app;
}

/** The `Allow` header of each path. */
function allowedMethods(
  operations: readonly Operation[],
): ReadonlyMap<string, string> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of operations) {
    const own = methods.get(path) ?? [];
    own.push(method, ...(method === "GET" ? ["HEAD"] : []));
    methods.set(path, own);
  }
  return new Map([...methods].map(([path, own]) => [path, own.join(", ")]));
}
