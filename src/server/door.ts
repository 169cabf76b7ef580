// Whether the server lets requests in: not before the service is ready, and not
// after it was told to end.

import type { HttpBindings, Http2Bindings } from "@hono/node-server";
import { FlorenceError } from "../shared/errors.ts";
import { problemOf, problemResponse } from "../http/problem.ts";
import { NODE_PLATFORM } from "../node/platform.ts";

type Answer = (
  request: Request,
  env: HttpBindings | Http2Bindings,
) => Response | Promise<Response>;

export interface Door {
  readonly answer: Answer;
  /** Lets requests in. */
  open(answer: Answer): void;
  /**
   * Refuses new requests, readiness among them, and resolves when those under
   * way have been answered.
   */
  drain(): Promise<void>;
}

const RETRY_SECONDS = "5";

export function createDoor(): Door {
  let state: "starting" | "open" | "draining" = "starting";
  let answer: Answer | null = null;
  let underWay = 0;
  let onEmpty: (() => void) | null = null;

  const left = (): void => {
    underWay -= 1;
    if (underWay === 0) onEmpty?.();
  };
  return {
    async answer(request, env) {
      const { pathname } = new URL(request.url);
      const isProbe = pathname === "/v1/health/live";
      if (isProbe && state !== "open") return Response.json({ status: "live" });
      if (answer === null || state !== "open") return refuse(pathname, state);
      underWay += 1;
      // A stream is under way until its last byte is out.
      env.outgoing.once("close", left);
      return await answer(request, env);
    },
    open(given) {
      answer = given;
      state = "open";
    },
    async drain() {
      state = "draining";
      if (underWay === 0) return;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      onEmpty = () => {
        resolve(undefined);
      };
      await promise;
    },
  };
}

function refuse(path: string, state: string): Response {
  const error =
    state === "starting"
      ? new FlorenceError(
          "warming_up",
          "The server loads its models. Try again in a few seconds.",
        )
      : new FlorenceError(
          "engine_unavailable",
          "The server is about to end. Try again; another will answer.",
        );
  const problem = problemOf(error, path, NODE_PLATFORM.id("req"));
  return problemResponse(problem, {
    "Retry-After": RETRY_SECONDS,
    Connection: "close",
  });
}
