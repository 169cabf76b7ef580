// Callbacks and webhook endpoints obey the rules of image addresses: the same
// table, through the API.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../../src/http/ports/database.ts";
import { PHOTO } from "./bad-images.ts";
import { createKeyedService, postJson } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";
import { ALLOWED_ADDRESSES, FORBIDDEN_ADDRESSES } from "./ssrf-addresses.ts";

let asked = 0;
const { makeKey, ask, host } = await createKeyedService({
  outbound: {
    fetch: () => {
      asked += 1;
      return Promise.reject(new Error("nothing may be sent"));
    },
  },
});
const { secret } = await makeKey();
const BASE64 = Buffer.from(PHOTO).toString("base64");

/** Each takes an address in its own field. */
const DOORS = [
  {
    name: "a callback",
    path: "/v1/jobs",
    pointer: "/callback/url",
    bodyOf: (url: string) => ({
      image: { base64: BASE64 },
      tasks: [{ task: "caption" }],
      callback: { url },
    }),
  },
  {
    name: "a webhook endpoint",
    path: "/v1/webhook-endpoints",
    pointer: "/url",
    bodyOf: (url: string) => ({ url, events: ["analysis.completed"] }),
  },
];

for (const { name, path, pointer, bodyOf } of DOORS) {
  for (const [trick, addresses] of Object.entries(FORBIDDEN_ADDRESSES)) {
    test(`refuses ${name} at ${trick}`, async () => {
      for (const url of addresses) {
        const response = await ask(secret, path, postJson(bodyOf(url)));
        // What is no address at all is refused by its form.
        const isForm = response.status === 422;
        assert.ok(!isForm || !URL.canParse(url) || url.length > 2048, url);
        const code = isForm ? "invalid_request" : "url_forbidden";
        const { errors } = await readProblem(response, code);
        assert.equal(errors?.[0]?.pointer, pointer, url);
      }
    });
  }

  test(`takes ${name} at a public address`, async () => {
    for (const url of ALLOWED_ADDRESSES.slice(0, 5)) {
      const response = await ask(secret, path, postJson(bodyOf(url)));
      assert.ok(response.status < 300, `${url}: ${await response.text()}`);
    }
  });
}

test("sends nothing, and keeps nothing of what it refused", async () => {
  assert.equal(asked, 0);
  const [jobs] = await host.database.all(sql`SELECT count(*) AS n FROM jobs`);
  const [endpoints] = await host.database.all(
    sql`SELECT count(*) AS n FROM webhook_endpoints`,
  );
  assert.deepEqual([jobs?.["n"], endpoints?.["n"]], [5, 5]);
});
