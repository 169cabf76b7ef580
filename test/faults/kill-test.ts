// `npm run test:faults`: 500 images and twenty kills on each host. Arguments are
// hosts, both if there are none; takes some minutes.

import process from "node:process";
import { checkReport } from "./check-report.ts";
import type { HostName } from "./killable-host.ts";
import { runKillTest } from "./run-kill-test.ts";

const asked = process.argv.slice(2);
const hosts = (["node", "workerd"] as const satisfies HostName[]).filter(
  (host) => asked.length === 0 || asked.includes(host),
);

console.log(
  "Engine: by script (50 ms an image). Every message comes twice, out of order.",
);
let failures = 0;
for (const host of hosts) {
  const options = {
    host,
    images: 500,
    kills: 20,
    seed: 7,
    jobImages: 100,
    whileCreating: true,
  };
  const report = await runKillTest(options);
  console.table({
    host: report.host,
    images: report.images,
    "kills (-9)": report.kills,
    "images with a result": report.results,
    "duplicate results": report.duplicates,
    "images delivered": report.delivered,
    "deliveries received": report.deliveries,
    "distinct webhook-ids": report.deliveryIds,
    "images counted": report.usage,
    "stuck rows": report.stuck,
    "jobs, made twice": `${report.jobs}, ${report.repeatedAs - report.jobs}`,
    "attempts beyond one": report.workAgain,
    seconds: report.seconds,
  });
  try {
    checkReport(report, options);
  } catch (error) {
    failures += 1;
    console.error(error);
  }
}
process.exitCode = failures === 0 && hosts.length > 0 ? 0 : 1;
