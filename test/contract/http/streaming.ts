// Answers as events while they are made.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { readEvents } from "./read-events.ts";

const PHOTO = readFileSync(
  new URL("../../../examples/photos/street.jpg", import.meta.url),
);

export const CASES: readonly HttpCase[] = [
  {
    name: "tells of objects before the result they belong to",
    async run(target) {
      const response = await ask(target, "/v1/tasks/detect");
      const events = await readEvents(response);
      const names = events.map(({ event }) => event);
      assert.equal(names[0], "started");
      assert.ok(names.includes("vision_done"));
      const result = events.find(({ event }) => event === "result");
      const objects = events.filter(({ event }) => event === "object");
      assert.ok(objects.length > 0, names.join(" "));
      assert.ok(names.lastIndexOf("object") < names.indexOf("result"));
      assert.deepEqual(
        objects.map(({ data }) => data["item"]),
        result?.data["objects"],
      );
    },
  },
  {
    name: "tells of text as it is written, and joined it is the answer",
    async run(target) {
      const response = await ask(target, "/v1/tasks/caption");
      const events = await readEvents(response);
      const result = events.find(({ event }) => event === "result");
      const deltas = events
        .filter(({ event }) => event === "token")
        .map(({ data }) => String(data["delta"]));
      assert.ok(deltas.length > 1, JSON.stringify(events));
      assert.equal(deltas.join(""), result?.data["text"]);
    },
  },
  {
    name: "ends with the envelope, payloads left out, under ids that count",
    async run(target) {
      const response = await ask(target, "/v1/analyze?tasks=caption,detect");
      assert.match(
        response.headers.get("Content-Type") ?? "",
        /^text\/event-stream/u,
      );
      const events = await readEvents(response);
      assert.deepEqual(
        events.map(({ id }) => id),
        events.map((_, index) => String(index + 1)),
      );
      const done = events.at(-1);
      assert.equal(done?.event, "done");
      assert.equal(done.data["object"], "analysis");
      assert.deepEqual(done.data["results"], [
        { id: "t0", task: "caption", status: "ok" },
        { id: "t1", task: "detect", status: "ok" },
      ]);
    },
  },
  {
    name: "answers the next caller after one hung up in the middle",
    async run(target) {
      for (let hangUps = 0; hangUps < 12; hangUps += 1) {
        const response = await ask(target, "/v1/tasks/detect");
        const reader = response.body!.getReader();
        await reader.read();
        await reader.cancel();
      }
      // More than may wait for an engine: were it not freed, this were refused.
      const response = await ask(target, "/v1/tasks/caption");
      const events = await readEvents(response);
      assert.equal(events.at(-1)?.event, "done", JSON.stringify(events.at(-1)));
    },
  },
  {
    name: "refuses with a status of its own what fails before the first event",
    async run(target) {
      const response = await ask(target, "/v1/tasks/captoin");
      assert.equal(response.status, 422);
      const problem = (await response.json()) as { code: string };
      assert.equal(problem.code, "unknown_task");
    },
  },
];

async function ask(target: HttpTarget, path: string): Promise<Response> {
  return await target.fetch(path, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      Accept: "text/event-stream",
      "Content-Type": "image/jpeg",
    },
    body: PHOTO,
  });
}
