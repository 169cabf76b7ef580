// Vision passes kept for more questions about a picture, and answers kept.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { HttpCase, HttpTarget } from "./http-case.ts";

/** A file of its own for each case: the cache tells files apart. */
function freshPhoto(): Uint8Array<ArrayBuffer> {
  const file = readFileSync(
    new URL("../../golden/photos/boat.jpg", import.meta.url),
  );
  // A comment behind the end of the picture: another file, the same pixels.
  return new Uint8Array(
    Buffer.concat([file, Buffer.from(crypto.randomUUID())]),
  );
}

export const CASES: readonly HttpCase[] = [
  {
    name: "sees a picture once, however often it is asked about",
    async run(target) {
      const photo = freshPhoto();
      const first = await analyze(target, photo);
      assert.equal(first.usage.vision_passes, 1);
      assert.match(first.image.feature_id ?? "", /^ft_/u);
      const second = await analyze(target, photo);
      assert.equal(second.usage.vision_passes, 0);
      assert.deepEqual(second.image, first.image);
      assert.deepEqual(second.results, first.results);
    },
  },
  {
    name: "looks once for each kind of question, and never again",
    async run(target) {
      const photo = Buffer.from(freshPhoto()).toString("base64");
      const passesFor = async (task: object): Promise<number> => {
        const tasks = { tasks: [task] };
        const answer = await read(await ask(target, { base64: photo }, tasks));
        return answer.usage.vision_passes;
      };
      const caption = { task: "caption" };
      const ground = (phrase: string) => ({ task: "ground", phrase });
      const box = { x_min: 10, y_min: 20, x_max: 120, y_max: 140 };
      const region = { task: "describe_regions", regions: [{ box }] };
      const questions = [caption, ground("a boat"), ground("the water"), region, region, caption, ground("a boat")]; // prettier-ignore
      const passes: number[] = [];
      for (const question of questions) passes.push(await passesFor(question));
      assert.deepEqual(passes, [1, 1, 0, 1, 0, 0, 0]);
    },
  },
  {
    name: "answers a feature_id without the picture",
    async run(target) {
      const { image, results } = await analyze(target, freshPhoto());
      const named = await read(
        await ask(target, { feature_id: image.feature_id }),
      );
      assert.equal(named.usage.vision_passes, 0);
      assert.deepEqual(named.image, image);
      assert.deepEqual(named.results, results);
      const detected = await ask(
        target,
        { feature_id: image.feature_id },
        { tasks: [{ task: "detect" }] },
      );
      assert.equal((await read(detected)).results[0]?.["task"], "detect");
    },
  },
  {
    name: "keeps tenants' features apart",
    async run(target) {
      const photo = freshPhoto();
      const { image } = await analyze(target, photo);
      const named = { feature_id: image.feature_id };
      const { second } = target.keys;
      await refused(await ask(target, named, {}, second), 404, "not_found");
      const own = await analyze(target, photo, second);
      assert.equal(own.usage.vision_passes, 1);
      assert.notEqual(own.image.feature_id, image.feature_id);
      await refused(await ask(target, named, {}, second), 404, "not_found");
      const theirs = { feature_id: own.image.feature_id };
      await refused(await ask(target, theirs), 404, "not_found");
    },
  },
  {
    name: "leaves the cache alone when it is told to",
    async run(target) {
      const base64 = Buffer.from(freshPhoto()).toString("base64");
      const off = { options: { cache: "off" } };
      for (let time = 0; time < 2; time += 1) {
        const { usage, image } = await read(await ask(target, { base64 }, off));
        assert.equal(usage.vision_passes, 1);
        assert.equal(image.feature_id, undefined);
      }
      const response = await ask(target, { feature_id: "ft_0" });
      await refused(response, 404, "not_found");
    },
  },
  {
    name: "keeps an answer that is to be stored, for its tenant",
    async run(target) {
      const base64 = Buffer.from(freshPhoto()).toString("base64");
      const store = { options: { store: true } };
      const envelope = await read(await ask(target, { base64 }, store));
      const path = `/v1/analyses/${envelope.id}`;
      const { first, second } = target.keys;
      const as = (key: string, method = "GET") =>
        target.fetch(path, {
          method,
          headers: { Authorization: `Bearer ${key}` },
        });
      assert.deepEqual(await read(await as(first)), envelope);
      await refused(await as(second), 404, "not_found");
      await refused(await as(second, "DELETE"), 404, "not_found");
      assert.equal((await as(first, "DELETE")).status, 204);
      await refused(await as(first), 404, "not_found");
    },
  },
];

interface Answer {
  readonly id: string;
  readonly usage: { readonly vision_passes: number };
  readonly image: { readonly feature_id?: string };
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

async function analyze(
  target: HttpTarget,
  photo: Uint8Array<ArrayBuffer>,
  key = target.keys.first,
): Promise<Answer> {
  return await read(
    await target.fetch("/v1/analyze?tasks=caption", {
      method: "POST",
      headers: {
        Authorization: `Bearer ${key}`,
        "Content-Type": "image/jpeg",
      },
      body: photo,
    }),
  );
}

async function ask(
  target: HttpTarget,
  image: unknown,
  more: object = {},
  key = target.keys.first,
): Promise<Response> {
  return await target.fetch("/v1/analyze", {
    method: "POST",
    headers: {
      Authorization: `Bearer ${key}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ image, tasks: [{ task: "caption" }], ...more }),
  });
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as Answer;
}

async function refused(
  response: Response,
  status: number,
  code: string,
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal((JSON.parse(text) as { code: string }).code, code);
}
