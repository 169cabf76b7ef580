// Jobs and batches: asked now, answered later, by the host's own queue.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { readEvents } from "./read-events.ts";

const PHOTO = readFileSync(
  new URL("../../../examples/photos/street.jpg", import.meta.url),
);

const image = { base64: PHOTO.toString("base64") };
const noImage = { base64: btoa("no image at all") };
const tasks = [{ task: "caption" }];

/** What these cases read of a job or a batch. */
interface ReadJob {
  readonly id: string;
  readonly status: string;
  readonly results: readonly {
    readonly index: number;
    readonly status: string;
    readonly analysis?: {
      readonly metadata: unknown;
      readonly results: readonly { readonly text?: string }[];
    };
    readonly problem?: { readonly code: string };
  }[];
}

export const CASES: readonly HttpCase[] = [
  {
    name: "answers a job by the queue, and tells of it as events",
    async run(target) {
      const response = await post(target, "/v1/jobs", {
        image,
        tasks,
        metadata: { order: "A-17" },
      });
      const { id, status } = await read(response, 202);
      assert.equal(status, "queued");
      assert.equal(response.headers.get("Location"), `/v1/jobs/${id}`);

      const events = await readEvents(
        await ask(target, "GET", `/v1/jobs/${id}/events`),
      );
      const names = events.map(({ event }) => event);
      assert.deepEqual(names.slice(0, 2), ["started", "vision_done"]);
      assert.deepEqual(names.slice(-2), ["result", "done"]);
      const [result, done] = events.slice(-2);
      assert.equal(done!.data["status"], "completed");
      const deltas = events
        .filter(({ event }) => event === "token")
        .map(({ data }) => String(data["delta"]));
      assert.ok(deltas.length > 1, names.join(" "));
      assert.equal(deltas.join(""), result!.data["text"]);
      const rest = await target.fetch(`/v1/jobs/${id}/events`, {
        headers: {
          Authorization: `Bearer ${target.keys.first}`,
          "Last-Event-ID": events[1]!.id,
        },
      });
      assert.deepEqual(await readEvents(rest), events.slice(2));

      const job = await read(await ask(target, "GET", `/v1/jobs/${id}`));
      const { analysis } = job.results[0]!;
      assert.deepEqual(analysis?.metadata, { order: "A-17" });
      assert.equal(analysis.results[0]?.text, result!.data["text"]);
      await refused(
        await ask(target, "DELETE", `/v1/jobs/${id}`),
        "job_not_cancellable",
      );
    },
  },
  {
    name: "shows a job to its own tenant only",
    async run(target) {
      const response = await post(target, "/v1/jobs", { image, tasks });
      const { id } = await read(response, 202);
      const { second } = target.keys;
      for (const [method, path] of [
        ["GET", `/v1/jobs/${id}`],
        ["GET", `/v1/jobs/${id}/events`],
        ["DELETE", `/v1/jobs/${id}`],
      ] as const) {
        await refused(await ask(target, method, path, second), "not_found");
      }
    },
  },
  {
    name: "cancels a job before all of it is answered",
    async run(target) {
      const images = Array.from({ length: 40 }, () => ({
        // Nobody answers there: the job cannot end by itself before.
        url: "http://localhost:9/photo.jpg",
      }));
      const response = await post(target, "/v1/batches", { images, tasks });
      const { id } = await read(response, 202);
      const first = await read(await ask(target, "DELETE", `/v1/jobs/${id}`));
      assert.equal(first.status, "cancelled");
      const again = await read(await ask(target, "GET", `/v1/jobs/${id}`));
      assert.equal(again.status, "cancelled");
    },
  },
  {
    name: "waits for an analysis as long as its request prefers",
    async run(target) {
      const body = { image, tasks };
      const waited = await post(target, "/v1/analyze", body, {
        Prefer: "wait=60",
      });
      assert.equal(waited.status, 200, await waited.clone().text());
      assert.equal(waited.headers.get("Preference-Applied"), "wait=60");
      const envelope = (await waited.json()) as { readonly object: string };
      assert.equal(envelope.object, "analysis");
      const later = await post(target, "/v1/analyze", body, {
        Prefer: "respond-async",
      });
      const { id } = await read(later, 202);
      const job = await ended(target, id);
      assert.equal(job.status, "completed");
    },
  },
  {
    name: "answers a batch at once, each image for itself",
    async run(target) {
      const response = await post(target, "/v1/batches", {
        images: [image, noImage],
        tasks,
      });
      const { status, results } = await read(response);
      assert.equal(status, "partial");
      assert.deepEqual(
        results.map((one) => [one.status, one.problem?.code]),
        [
          ["completed", undefined],
          ["failed", "unsupported_media_type"],
        ],
      );
    },
  },
  {
    name: "answers a batch as one job",
    async run(target) {
      const response = await post(
        target,
        "/v1/batches",
        { images: [image, noImage, image], tasks },
        { Prefer: "respond-async" },
      );
      const { id } = await read(response, 202);
      const job = await ended(target, id);
      assert.equal(job.status, "partial");
      assert.deepEqual(
        job.results.map(({ index, status }) => [index, status]),
        [
          [0, "completed"],
          [1, "failed"],
          [2, "completed"],
        ],
      );
    },
  },
];

async function ask(
  target: HttpTarget,
  method: string,
  path: string,
  key = target.keys.first,
): Promise<Response> {
  return await target.fetch(path, {
    method,
    headers: { Authorization: `Bearer ${key}` },
  });
}

async function post(
  target: HttpTarget,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return await target.fetch(path, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

async function read(response: Response, status = 200): Promise<ReadJob> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as ReadJob;
}

async function refused(response: Response, code: string): Promise<void> {
  const text = await response.text();
  assert.equal((JSON.parse(text) as { code?: string }).code, code, text);
}

/** Follows a job to its end: its events end with it. */
async function ended(target: HttpTarget, id: string): Promise<ReadJob> {
  await readEvents(await ask(target, "GET", `/v1/jobs/${id}/events`));
  return await read(await ask(target, "GET", `/v1/jobs/${id}`));
}
