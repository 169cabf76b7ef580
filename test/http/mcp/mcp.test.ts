import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "../checked-service.ts";
import { OPEN_PRINCIPAL } from "../../../src/http/principal.ts";
import { FlorenceError } from "../../../src/shared/errors.ts";
import { CASES } from "../../contract/http/mcp.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";
import { callTool, listTools } from "../../../src/http/mcp/tools.ts";
import { appTarget } from "../app-target.ts";

const host = await createFakeHost();
const { app } = createCheckedService(host);
const target = await appTarget(app, host);

for (const one of CASES) {
  test(one.name, async () => {
    await one.run(target);
  });
}

test("says the variant of a task by the name of its tool", async () => {
  const asked: unknown[] = [];
  for (const { name } of listTools()) {
    if (!/_(?:detailed|full|lines)$/u.test(name)) continue;
    await callTool(
      name,
      { image: { base64: "AAAA" } },
      {
        analyzer: {
          analyze: ({ tasks }) => {
            asked.push(tasks[0]);
            return Promise.reject(new FlorenceError("not_found", "Stop here."));
          },
        },
        principal: OPEN_PRINCIPAL,
        call: { signal: new AbortController().signal },
      },
    );
  }
  assert.deepEqual(asked, [
    { task: "caption", detail: "detailed", id: "t0" },
    { task: "caption", detail: "full", id: "t0" },
    { task: "ocr", layout: "lines", id: "t0" },
  ]);
});
