// The contract of sessions on ONNX Runtime Web in a page: on WebAssembly, and on
// WebGPU with Chromium's software rasterizer.

import { after, before, describe, test } from "node:test";
import { SESSION_CONTRACT } from "../contract/session-contract.ts";
import { openBuiltPages, type BuiltPages } from "./built-pages.ts";
import { SKIP_WITHOUT_CHROMIUM, SOFTWARE_WEBGPU } from "./chromium.ts";
import { startPageWorker, type PageWorker } from "./page-worker.ts";

describe("sessions in Chromium", { skip: SKIP_WITHOUT_CHROMIUM }, () => {
  let pages: BuiltPages;
  let worker: PageWorker;
  before(async () => {
    pages = await openBuiltPages({}, SOFTWARE_WEBGPU);
    worker = await startPageWorker(pages.browser, pages.origin);
  });
  after(async () => {
    await worker.close();
    await pages.close();
  });

  for (const provider of ["wasm", "webgpu"] as const) {
    for (const [at, { name }] of SESSION_CONTRACT.entries()) {
      test(`on ${provider}, a session ${name}`, () =>
        worker.call("session", at, provider, pages.opening.assets));
    }
  }
});
