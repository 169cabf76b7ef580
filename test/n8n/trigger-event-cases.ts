// What the trigger is told of, what its filters let through, and the picture that
// it downloads.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { HMAC_SECRET } from "../contract/http/hook-settings.ts";
import { readPhoto, type Bench, type CaseGroup } from "./bench.ts";
import { until, type KeptItem } from "./executions.ts";
import { triggerFlow } from "./flows.ts";
import { call } from "./service-calls.ts";
import type { Item } from "./operation-cases.ts";
import {
  createTriggerBench,
  PHOTO,
  uploadPhoto,
  type TriggerBench,
} from "./trigger-bench.ts";

const EVENTS = "events";
const AMONG_JSON = "amongjson";
const CAMERA = "camera";
const ANSWERS = "answers";

export const TRIGGER_EVENTS: CaseGroup = {
  workflows: [
    triggerFlow(EVENTS, "box", {
      events: ["image.uploaded"],
      downloadImage: true,
    }),
    triggerFlow(
      AMONG_JSON,
      "box",
      { events: ["image.uploaded"], downloadImage: true },
      { binaryMode: "combined" },
    ),
    triggerFlow(CAMERA, "box", {
      events: ["image.uploaded"],
      sources: "camera, shop",
    }),
    triggerFlow(ANSWERS, "box", {
      events: ["analysis.completed", "analysis.failed"],
      tasks: ["detect"],
    }),
  ],
  async check(bench) {
    const { test } = bench;
    await test("trigger: downloads the picture as a file", () =>
      checkDownload(bench, EVENTS));
    await test("trigger: downloads the picture among the JSON", () =>
      checkDownload(bench, AMONG_JSON));
    await test("trigger: tells of the sources it was asked for only", () =>
      checkSources(bench));
    const answers = createTriggerBench(bench, ANSWERS);
    await answers.activate();
    await test("trigger: an analysis is completed", () =>
      checkCompleted(bench, answers));
    await test("trigger: an analysis has failed", () =>
      checkFailed(bench, answers));
    await answers.deactivate();
  },
};

async function checkDownload(bench: Bench, id: string): Promise<void> {
  const trigger = createTriggerBench(bench, id);
  await trigger.activate();
  await trigger.startsBy(() => uploadPhoto(bench));
  const [item] = (await bench.latest(id)).items["Trigger"] ?? [];
  const files = (item?.json["_files"] ?? item?.binary) as KeptItem["binary"];
  const { data } = files ?? {};
  assert.equal(data?.mimeType, "image/jpeg");
  assert.ok((await bench.file(data)).equals(readPhoto(PHOTO)));
  await trigger.deactivate();
}

async function checkSources(bench: Bench): Promise<void> {
  const everything = createTriggerBench(bench, EVENTS);
  const camera = createTriggerBench(bench, CAMERA);
  await everything.activate();
  await camera.activate();
  assert.deepEqual((await camera.endpoint()).filter, {
    sources: ["camera", "shop"],
  });
  await camera.startsNothing(() =>
    everything.startsBy(() => uploadPhoto(bench)),
  );
  const item = await camera.startsBy(() => sendByCamera(bench));
  assert.equal(item["source"], "camera");
  await everything.deactivate();
  await camera.deactivate();
}

/** A job of another task is told to nobody; the one after it is. */
async function checkCompleted(
  bench: Bench,
  trigger: TriggerBench,
): Promise<void> {
  const image = { base64: readPhoto(PHOTO).toString("base64") };
  await trigger.startsNothing(() => job(bench, image, "caption"));
  const item = await trigger.startsBy(() => job(bench, image, "detect"));
  assert.equal(item["event"], "analysis.completed");
  assert.equal(item["status"], "completed");
  const [result] = (item["analysis"] as Item)["results"] as Item[];
  assert.deepEqual(
    (result?.["objects"] as Item[]).map(({ label }) => label),
    ["bear"],
  );
}

async function checkFailed(bench: Bench, trigger: TriggerBench): Promise<void> {
  const { front } = bench;
  front.instead = () =>
    new Response("not a picture", {
      headers: { "Content-Type": "image/jpeg" },
    });
  const image = { url: `${front.origin}/broken.jpg` };
  const item = await trigger.startsBy(() => job(bench, image, "detect"));
  front.instead = null;
  assert.equal(item["event"], "analysis.failed");
  assert.equal(item["status"], "failed");
  assert.equal(typeof (item["problem"] as Item)["code"], "string");
}

/** Starts a job, and waits until it is over. */
async function job({ box }: Bench, image: object, task: string): Promise<void> {
  const body = { image, tasks: [{ task }] };
  const { id } = await call(box, "POST", "/v1/jobs", body);
  await until(async () => {
    const { status } = await call(box, "GET", `/v1/jobs/${String(id)}`);
    return !["queued", "running"].includes(String(status));
  });
}

/** The same picture again would be the same message, and do nothing. */
const OF_CAMERA = {
  filesystem: "surfer.jpg",
  default: "cake-and-coffee.jpg",
} as const;

async function sendByCamera({ box, binaryMode }: Bench): Promise<void> {
  const photo = readPhoto(OF_CAMERA[binaryMode]);
  const signature = createHmac("sha256", HMAC_SECRET).update(photo);
  const response = await box.fetch("/v1/hooks/camera", {
    method: "POST",
    headers: {
      "Content-Type": "image/jpeg",
      "X-Hub-Signature-256": `sha256=${signature.digest("hex")}`,
    },
    body: photo,
  });
  assert.ok(response.ok, await response.text());
}
