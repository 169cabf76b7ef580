// Entry of a thread that holds models.

import { parentPort, workerData } from "node:worker_threads";
import { openModelEngine, type ModelEngineOptions } from "./model-engine.ts";
import { serveEngine } from "./serve-engine.ts";

if (parentPort === null)
  throw new Error("internal: this file runs as a thread");
// Given by `openThreadEngine`, which has no other caller's data to pass on.
await serveEngine(
  parentPort,
  openModelEngine(workerData as ModelEngineOptions),
);
