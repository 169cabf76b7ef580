import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "./checked-service.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { GOOD_REQUEST_BODY, MALFORMED_REQUESTS } from "./malformed-requests.ts";
import { analyzeJson, readEnvelope, readProblem } from "./requests.ts";

/** Failures of ours; no request may bring one about. */
const told: unknown[] = [];
const host = await createFakeHost({ onFailure: (error) => told.push(error) });
const { app } = createCheckedService(host);

test("the table has 300 requests and more, none of them twice", () => {
  const all = Object.values(MALFORMED_REQUESTS).flat();
  assert.ok(all.length >= 300, `${all.length}`);
  const sent = all.map(
    ({ path, init: { method, headers, body } }) =>
    JSON.stringify([path, method, headers, Buffer.from((body ?? "") as string).toString("base64")]), // prettier-ignore
  );
  const twice = sent.flatMap((one, at) =>
    sent.indexOf(one) === at ? [] : [all[at]!.name],
  );
  assert.deepEqual(twice, []);
});

for (const [what, requests] of Object.entries(MALFORMED_REQUESTS)) {
  test(`refuses ${what} (${requests.length})`, async () => {
    const faults: string[] = [];
    for (const { name, path, init, code } of requests) {
      const response = await app.request(path, init);
      try {
        const { detail, status } = await readProblem(response, code);
        assert.ok(status >= 400 && status < 500, `status ${status}`);
        // What was wrong, and what to do: more than a word, and no inside of ours.
        assert.ok(detail.length > 20 && detail.length < 2000, detail);
        assert.doesNotMatch(detail, /internal|\[object|Error:/u);
      } catch (error) {
        faults.push(`${name}: ${String(error).slice(0, 600)}`);
      }
    }
    assert.deepEqual(faults, []);
    assert.deepEqual(told, []);
    // The service is as good as before.
    await readEnvelope(await analyzeJson(app, GOOD_REQUEST_BODY));
  });
}
