// The edge Worker whose Worker that draws is gone: what needs it says so, all else
// goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PHOTO } from "../http/bad-images.ts";
import { type EdgeWorker, startEdgeWorker } from "./edge-worker.ts";

interface Answer {
  readonly code?: string;
  readonly detail?: string;
  readonly status?: string | number;
  readonly rendering?: { readonly media_type: string };
  readonly results?: readonly { readonly status: string }[];
}

let worker: EdgeWorker;
before(async () => {
  worker = await startEdgeWorker(undefined, { hasOtherPictures: true });
});
after(() => worker.close());

async function render(
  format: string,
): Promise<{ readonly status: number; readonly answer: Answer }> {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  const options = { render: { format } };
  const request = { tasks: [{ task: "detect" }], options };
  form.set("request", JSON.stringify(request));
  const response = await worker.fetch("/v1/analyze", {
    method: "POST",
    body: form,
  });
  const answer = (await response.json()) as Answer;
  return { status: response.status, answer };
}

test("a PNG is refused, and the error says what to do", async () => {
  const { status, answer } = await render("png");
  assert.equal(status, 503, JSON.stringify(answer));
  assert.equal(answer.code, "engine_unavailable");
  const wanted =
    /PICTURES, does not answer.*Deploy workers\/pictures, or ask for "svg"/u;
  assert.match(answer.detail ?? "", wanted);
});

test("the same as SVG, and without a picture, is answered", async () => {
  const drawn = await render("svg");
  assert.equal(drawn.status, 200, drawn.answer.detail);
  assert.equal(drawn.answer.rendering?.media_type, "image/svg+xml");
  const plain = await render("none");
  assert.equal(plain.status, 200, plain.answer.detail);
  assert.equal(plain.answer.results?.[0]?.status, "ok");
});
