// The HTTP API as a portable app: the same on Cloudflare, on Node, in a test.

import { Hono, type Context } from "hono";
import { FlorenceError } from "../shared/errors.ts";
import { addAnalyzeRoute } from "./analyze-route.ts";
import { addCapabilityRoutes } from "./capability-routes.ts";
import { addHealthRoutes } from "./health-routes.ts";
import type { Host } from "./host.ts";
import { problemOf, problemResponse } from "./problem.ts";
import type { App, AppEnv } from "./route.ts";

/**
 * The API over one host.
 *
 * Every answer has `X-Request-Id` and `Server-Timing`; every error is a
 * problem document (RFC 9457), 404 and 405 among them.
 */
export function createApp(host: Host): App {
  const { platform } = host;
  const app = new Hono<AppEnv>();

  app.use(async (context, next) => {
    const startedMs = platform.now();
    const requestId = platform.id("req");
    context.set("startedMs", startedMs);
    context.set("requestId", requestId);
    await next();
    context.header("X-Request-Id", requestId);
    if (!context.res.headers.has("Server-Timing")) {
      const totalMs = Math.round(platform.now() - startedMs);
      context.header("Server-Timing", `total;dur=${totalMs}`);
    }
  });

  const refuse = (
    error: unknown,
    context: Context<AppEnv>,
    headers: Readonly<Record<string, string>> = {},
  ): Response => {
    const requestId = context.get("requestId");
    const problem = problemOf(error, context.req.path, requestId);
    if (problem.status >= 500) host.onFailure?.(error, requestId);
    return problemResponse(problem, headers);
  };

  const routes = [
    ...addAnalyzeRoute(app, host),
    ...addCapabilityRoutes(app, host),
    ...addHealthRoutes(app, host),
  ];
  for (const { path, allow } of routes) {
    app.all(path, (context) => {
      const error = new FlorenceError(
        "method_not_allowed",
        `${path} does not take ${context.req.method}; it takes ${allow}.`,
      );
      return refuse(error, context, { Allow: allow });
    });
  }
  app.notFound((context) => {
    const paths = routes.map((route) => route.path).join(", ");
    const error = new FlorenceError(
      "not_found",
      `There is nothing at ${context.req.path.slice(0, 200)}. There is: ${paths}.`,
    );
    return refuse(error, context);
  });
  app.onError((error, context) => refuse(error, context));
  return app;
}
