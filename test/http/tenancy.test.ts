// Tenancy, walked through every operation that is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CASES, ROWS } from "../contract/http/tenancy.ts";
import { appTarget } from "./app-target.ts";
import { ADMIN_KEY, createKeyedService } from "./keyed-service.ts";

/** Path parameters that name nothing a tenant has. */
const NO_RESOURCES: Readonly<Record<string, string>> = {
  task: "a task of the table",
  source: "a hook of the configuration, which has its tenant",
};

const { host, service } = await createKeyedService({
  now: () => Date.now(),
  config: { address_exemptions: ["127.0.0.1"] },
});
const target = await appTarget(service.app, host);

test("has a row for each operation of a resource", () => {
  const rows = new Set(
    ROWS.map(({ operation }) => operation.split(" ").slice(0, 2).join(" ")),
  );
  const walked: string[] = [];
  for (const { method, path } of service.operations) {
    const parameters = [...path.matchAll(/\{(\w+)\}/gu)].map(
      ([, name]) => name!,
    );
    if (!parameters.some((name) => NO_RESOURCES[name] === undefined)) continue;
    const operation = `${method} ${path}`;
    walked.push(operation);
    assert.ok(
      rows.has(operation),
      `${operation} has no row in test/contract/http/tenancy.ts: say how to make its resource`,
    );
  }
  assert.ok(walked.length >= 16, walked.join(", "));
});

for (const one of CASES) {
  test(one.name, async () => {
    await one.run({
      ...target,
      keys: { ...target.keys, admin: ADMIN_KEY },
      async fetch(path, init) {
        const response = await target.fetch(path, init);
        // Nobody else takes what the queue is given.
        while (host.sent.length > 0) await service.consume(host.sent.shift()!);
        return response;
      },
    });
  });
}
