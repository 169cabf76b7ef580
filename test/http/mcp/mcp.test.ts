import { test } from "node:test";
import { createService } from "../../../src/http/service.ts";
import { CASES } from "../../contract/http/mcp.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";
import { appTarget } from "../app-target.ts";

const host = await createFakeHost();
const { app } = createService(host);
const target = await appTarget(app, host);

for (const one of CASES) {
  test(one.name, async () => {
    await one.run(target);
  });
}
