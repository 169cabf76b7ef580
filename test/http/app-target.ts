// The HTTP contract's target over an app in this process, its model scripted.

import type { App } from "../../src/http/operation.ts";
import type { HttpTarget } from "../contract/http/http-case.ts";

/** @param keys those of the app's database; none are needed in open mode. */
export function appTarget(
  app: App,
  keys: HttpTarget["keys"] = { first: "", second: "", admin: "" },
): HttpTarget {
  return {
    origin: "http://florence.test",
    host: "node",
    keys,
    fetch: async (path, init) =>
      await app.request(`http://florence.test${path}`, init),
  };
}
