// What answers in a page: WebGPU if it is right, else the kernels, and why not the
// other.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import type { Backend } from "../../src/browser/messages.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import { openBuiltPages, type BuiltPages } from "./built-pages.ts";
import { SKIP_WITHOUT_CHROMIUM, SOFTWARE_WEBGPU } from "./chromium.ts";
import { startPageWorker, type PageWorker } from "./page-worker.ts";
import { makeSmallBundle } from "./small-bundle.ts";

const skip = SKIP_WITHOUT_CHROMIUM;
/**
 * A whole model on a software GPU: a minute on two idle cores, several on busy
 * ones.
 */
const skipSlow =
  skip !== false || process.env["FLORENCE_WEBGPU"] === "1"
    ? skip
    : "a whole model on a software GPU takes minutes: set FLORENCE_WEBGPU=1";

describe("a page without a GPU", { skip }, () => {
  let pages: BuiltPages;
  before(async () => {
    const bundle = await edgeBundle("tiny-native", "f32");
    pages = await openBuiltPages({ bundle }, ["--disable-gpu"], false);
  });
  after(() => pages.close());

  /** Opens in a page of its own. */
  const open = async (wishes: object): Promise<Backend> => {
    const worker = await startPageWorker(pages.browser, pages.origin);
    try {
      return await worker.call("open", { ...pages.opening, ...wishes });
    } finally {
      await worker.close();
    }
  };

  test("drops WebGPU for a reason, and takes the kernels", async () => {
    const backend = await open({ webgpu: `${pages.origin}/onnx/` });
    assert.equal(backend.backend, "florence-kernels");
    const [dropped] = backend.dropped;
    assert.equal(dropped?.what, "webgpu");
    assert.match(dropped.reason, /no WebGPU|no adapter|no usable GPU/u);
  });

  test("has one thread where it is not cross-origin isolated, and says why", async () => {
    const backend = await open({ threads: 4 });
    assert.equal(backend.threads, 1);
    assert.equal(backend.dropped[0]?.what, "threads");
    assert.match(backend.dropped[0].reason, /Cross-Origin-Opener-Policy/u);
  });
});

describe("a page with WebGPU", { skip: skipSlow }, () => {
  let pages: BuiltPages;
  let worker: PageWorker;
  const folder = mkdtempSync(join(tmpdir(), "florence-webgpu-"));
  before(async () => {
    const onnx = await makeSmallBundle(folder);
    const bundle = await edgeBundle("tiny-native", "f32");
    pages = await openBuiltPages({ bundle, onnx }, SOFTWARE_WEBGPU);
    worker = await startPageWorker(pages.browser, pages.origin);
  });
  after(async () => {
    await worker.close();
    await pages.close();
    rmSync(folder, { recursive: true });
  });

  test("answers on it once it gave what wasm gives", async (context) => {
    const webgpu = `${pages.origin}/onnx/`;
    const backend = await worker.call("open", { ...pages.opening, webgpu });
    context.diagnostic(JSON.stringify(backend));
    assert.equal(backend.backend, "onnxruntime-web");
    assert.equal(backend.device, "webgpu");
    assert.deepEqual(backend.dropped, []);
  });

  test("drops it where the bundle is not for ONNX Runtime", async () => {
    const { opening } = pages;
    const backend = await worker.call("open", {
      ...opening,
      webgpu: opening.bundle,
    });
    assert.equal(backend.backend, "florence-kernels");
    assert.match(backend.dropped[0]!.reason, /bundle for the kernels/u);
  });
});
