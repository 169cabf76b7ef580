// Entry of a thread that annotates photos.

import { parentPort, workerData } from "node:worker_threads";
import { isFlorenceError } from "../../shared/errors.ts";
import { loadImageCodecs } from "../../node/image-codecs.ts";
import { openSpecialist } from "../specialists/open-specialist.ts";
import type { Specialist } from "../specialists/specialist.ts";
import { annotatePhoto } from "./annotate-photo.ts";
import type { Assignment, CrewReply, CrewSettings } from "./crew.ts";

if (parentPort === null)
  throw new Error("internal: this file runs as a thread");
const port = parentPort;
// Given by `openCrew`, which has no other caller's data to pass on.
const { folder, specialists: specs, threads } = workerData as CrewSettings;

const say = (reply: CrewReply): void => {
  port.postMessage(reply);
};
const fail = (error: unknown): void => {
  say(
    isFlorenceError(error)
      ? { kind: "failed", code: error.code, message: error.message }
      : {
          kind: "failed",
          code: null,
          message: error instanceof Error ? error.stack! : String(error),
        },
  );
};

try {
  const codecs = await loadImageCodecs();
  const specialists: Specialist[] = [];
  for (const spec of specs)
    specialists.push(await openSpecialist(spec, { threads }));
  port.on("message", (assignment: Assignment) => {
    annotatePhoto(folder, assignment, specialists, codecs).then((records) => {
      say({ kind: "done", records });
    }, fail);
  });
  const members = specialists.map(({ source, listens }) => ({
    source,
    listens,
  }));
  say({ kind: "ready", members });
} catch (error) {
  fail(error);
}
