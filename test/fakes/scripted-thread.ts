// A thread of the server's engine whose model is scripted, and which fails as
// `metadata.do` asks it to. The first bundle is a folder it may write into.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { serveEngine } from "../../src/server/serve-engine.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { createFakeEngine } from "./fake-host.ts";

const { bundles, batch } = workerData as {
  readonly bundles: readonly string[];
  readonly batch: number;
};
const [folder = "/"] = bundles;
const engine = createFakeEngine(NODE_PLATFORM, {
  name: "container",
  maxWaiting: batch,
});

/** Leaves a mark and never comes back, as native code may. */
function hang(mark: string): void {
  writeFileSync(mark, "");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

async function open(): Promise<typeof engine> {
  await Promise.resolve();
  if (existsSync(folder)) return engine;
  throw new FlorenceError("bundle_invalid", `There is no ${folder}.`);
}

const wrapped = open().then((opened) => ({
  ...opened,
  analyze: async (...given: Parameters<typeof opened.analyze>) => {
    const [{ metadata, signal }] = given;
    const mark = join(folder, "died");
    const hangs = join(folder, "hangs");
    switch (metadata["do"]) {
      case "die once":
        if (existsSync(mark)) break;
        writeFileSync(mark, "");
        process.exit(1);
      // falls through
      case "die":
        process.exit(1);
      // falls through
      case "hang once":
        if (existsSync(hangs)) break;
        hang(hangs);
        break;
      case "hang":
        hang(hangs);
        break;
      case "wait":
        if (!signal.aborted) {
          await new Promise((resolve) => {
            signal.addEventListener("abort", resolve);
          });
        }
        break;
      default:
    }
    return await opened.analyze(...given);
  },
}));

await serveEngine(parentPort!, wrapped);
