// A thread that answers photos with a model of its own.

import { parentPort, workerData } from "node:worker_threads";
import { loadImageCodecs } from "../../node/image-codecs.ts";
import { openBundle } from "../../node/open-bundle.ts";
import { isFlorenceError } from "../../shared/errors.ts";
import { answerPhoto, type PhotoJob } from "./answer-photo.ts";
import { withoutCalibration } from "./raw-scores.ts";
import type { CrewReply, CrewSettings } from "./answer-crew.ts";

if (parentPort === null) throw new Error("internal: this file is a thread's");
const port = parentPort;
const settings = workerData as CrewSettings;

function fail(error: unknown): void {
  const code = isFlorenceError(error) ? error.code : null;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error); // prettier-ignore
  const text = isFlorenceError(error) ? error.message : message;
  port.postMessage({ kind: "failed", code, message: text } satisfies CrewReply);
}

try {
  const [opened, codecs] = await Promise.all([
    openBundle(settings.bundle, { threads: settings.threads }),
    loadImageCodecs(),
  ]);
  const loaded = settings.isRaw
    ? { ...opened, manifest: withoutCalibration(opened.manifest) }
    : opened;
  const tools = { loaded, codecs, ...settings };
  port.on("message", (job: PhotoJob | "end") => {
    if (job === "end") {
      void loaded.model.dispose().then(() => {
        port.close();
      }, fail);
      return;
    }
    answerPhoto(job, tools).then((prediction) => {
      port.postMessage({ kind: "done", prediction } satisfies CrewReply);
    }, fail);
  });
  port.postMessage({ kind: "ready" } satisfies CrewReply);
} catch (error) {
  fail(error);
}
