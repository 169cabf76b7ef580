// A deadline over HTTP: what is finished is the answer, 504 only if nothing is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "./checked-service.ts";
import { createFakeEngine, createFakeHost } from "../fakes/fake-host.ts";
import {
  analyzeParts,
  partsOf,
  readEnvelope,
  readProblem,
} from "./requests.ts";

test("answers 200 partial with what was finished, 504 if nothing was", async () => {
  const host = await createFakeHost({
    script: (prompt) =>
      prompt.startsWith("Locate") ? "a car ".repeat(60) : "a green boat",
  });
  /** Aborts as the deadline would, after so many results. */
  const appAfter = (results: number) => {
    const inner = createFakeEngine(host.platform, {
      script: (prompt) =>
        prompt.startsWith("Locate") ? "a car ".repeat(60) : "a green boat",
    });
    const engine: typeof inner = {
      ...inner,
      analyze: (request, events) => {
        const controller = new AbortController();
        let told = 0;
        const count = (): void => {
          if (told >= results) controller.abort();
        };
        return inner.analyze(
          {
            ...request,
            signal: AbortSignal.any([request.signal, controller.signal]),
          },
          {
            ...events,
            vision: (seen) => {
              events?.vision?.(seen);
              count();
            },
            result: (result) => {
              events?.result?.(result);
              told += 1;
              count();
            },
          },
        );
      },
    };
    return createCheckedService({ ...host, engines: [engine] }).app;
  };
  const request = partsOf({ tasks: [{ task: "detect" }, { task: "caption" }] });
  const some = await readEnvelope(await analyzeParts(appAfter(1), request));
  assert.equal(some.status, "partial");
  assert.deepEqual(
    some.results.map(({ status }) => status),
    ["error", "ok"],
  );
  const problem = some.results[0]!["problem"] as { code: string };
  assert.equal(problem.code, "deadline_exceeded");

  const options = { cache: "off" };
  const none = partsOf({ tasks: [{ task: "detect" }], options });
  const response = await analyzeParts(appAfter(0), none);
  assert.equal(response.status, 504);
  await readProblem(response, "deadline_exceeded");
});
