// The product's Worker in workerd as a target of the HTTP contract.

import {
  KEYED_SETTINGS,
  keyedTarget,
  type ClosableTarget,
} from "../contract/http/keyed-target.ts";
import {
  startEdgeWorker,
  type EdgeOptions,
  type EdgeWorker,
} from "./edge-worker.ts";

/** Settings that a Worker has beside. */
const OWN_SETTINGS: Readonly<Record<string, string>> = {
  FLORENCE_PUBLIC_URL: "http://localhost:8787",
  FLORENCE_SECRET: "a secret of the tests, long enough",
};

/** A Worker with keys of two tenants; its starter closes it. */
export interface WorkerdTarget extends ClosableTarget {
  readonly worker: EdgeWorker;
}

/** @param settings over `KEYED_SETTINGS`. */
export async function startWorkerdTarget(
  settings: Readonly<Record<string, string>> = {},
  options: EdgeOptions = {},
): Promise<WorkerdTarget> {
  const worker = await startEdgeWorker(
    { ...KEYED_SETTINGS, ...OWN_SETTINGS, ...settings },
    options,
  );
  try {
    return {
      ...(await keyedTarget(worker.url.origin)),
      worker,
      host: "workerd",
      putBucket: (key, bytes) => worker.putBucket(key, bytes),
      sendBucketEvent: (event) => worker.send("florence-bucket-events", event),
      write: (statement) => worker.write(statement),
      close: () => worker.close(),
    };
  } catch (error) {
    await worker.close();
    throw error;
  }
}
