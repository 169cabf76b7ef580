// The kill test in short; `npm run test:faults` is the whole of it.

import { test } from "node:test";
import { checkReport } from "./check-report.ts";
import { runKillTest } from "./run-kill-test.ts";

test("two kills among thirty images lose nothing and double nothing", async () => {
  const options = {
    host: "node",
    images: 30,
    kills: 2,
    seed: 1,
    jobImages: 10,
    whileCreating: false,
  } as const;
  checkReport(await runKillTest(options), options);
});
