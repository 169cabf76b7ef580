// The service as these tests use it: every answer is held to the OpenAPI
// document of that service.

import type { Host } from "../../src/http/host.ts";
import { createService, type Service } from "../../src/http/service.ts";
import {
  createAnswerChecker,
  type CheckAnswer,
} from "./openapi/answer-checker.ts";

/** Documents take a while to make, and most services have the same. */
const checkers = new Map<string, CheckAnswer>();

/** `createService` whose app fails where an answer is not as it is described. */
export function createCheckedService(host: Host): Service {
  const service = createService(host);
  const { app, operations } = service;
  const key = operations.map(({ operationId }) => operationId).join();
  const answer = app.fetch;
  app.fetch = async (request, ...rest) => {
    const response = await answer(request, ...rest);
    let check = checkers.get(key);
    if (check === undefined) {
      check = createAnswerChecker(operations);
      checkers.set(key, check);
    }
    await check(request.method, new URL(request.url).pathname, response);
    return response;
  };
  return service;
}
