// What a kill test must have found.

import assert from "node:assert/strict";
import type { KillReport, KillTestOptions } from "./run-kill-test.ts";

export function checkReport(
  report: KillReport,
  options: KillTestOptions,
): void {
  const { images, jobImages } = options;
  const jobs = Math.ceil(images / jobImages);
  assert.equal(report.results, images, "an image has no result");
  assert.equal(report.duplicates, 0, "an image has two results");
  assert.equal(report.delivered, images, "an image was not delivered");
  assert.equal(report.deliveryIds, images, "one event has several ids");
  assert.ok(report.deliveries >= images);
  assert.equal(report.stuck, 0, "something waits or holds a lease");
  assert.equal(report.usage, images, "images are counted wrongly");
  assert.equal(report.repeatedAs, jobs, "a repeated request made a job");
  assert.equal(report.jobs, jobs, "there are other jobs");
}
