import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "../checked-service.ts";
import { CASES } from "../../contract/http/chat.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";
import { appTarget } from "../app-target.ts";
import { PHOTO } from "../bad-images.ts";

const host = await createFakeHost();
const { app } = createCheckedService(host);
const target = await appTarget(app, host);

for (const one of CASES) {
  test(one.name, async () => {
    await one.run(target);
  });
}

const image = {
  type: "image_url",
  image_url: {
    url: `data:image/jpeg;base64,${Buffer.from(PHOTO).toString("base64")}`,
  },
};

function content(prompt: string): unknown {
  return [{ type: "text", text: prompt }, image];
}

interface ReadChat {
  readonly choices?: readonly { readonly message: { content: string } }[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function ask(
  messages: unknown,
  more: object = {},
): Promise<{ readonly status: number; readonly body: ReadChat }> {
  const response = await app.request("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model: "default", messages, ...more }),
  });
  const read: unknown = await response.json();
  return { status: response.status, body: read as ReadChat };
}

test("writes what was found in lines, with its box", async () => {
  const { body } = await ask([{ role: "user", content: content("detect") }]);
  assert.match(
    body.choices?.[0]?.message.content ?? "",
    /^boat \([\d.]+, [\d.]+, [\d.]+, [\d.]+\)$/u,
  );
});

test("takes regions as JSON after the task's name", async () => {
  const box = { x_min: 1, y_min: 1, x_max: 40, y_max: 40 };
  const prompt = `describe_regions: ${JSON.stringify({ regions: [{ box }] })}`;
  const { status, body } = await ask([
    { role: "user", content: content(prompt) },
  ]);
  assert.equal(status, 200, JSON.stringify(body));
  const without = await ask([
    { role: "user", content: content("describe_regions: left") },
  ]);
  assert.match(without.body.error?.message ?? "", /as JSON/u);
});

test("takes variants and phrases with colons of their own", async () => {
  for (const prompt of ["caption:detailed", "ground: a sign: stop"]) {
    const { status } = await ask([{ role: "user", content: content(prompt) }]);
    assert.equal(status, 200, prompt);
  }
});

test("answers the last message of the user", async () => {
  const { status } = await ask([
    { role: "system", content: "You see." },
    { role: "user", content: content("detect") },
    { role: "assistant", content: "boat" },
    { role: "user", content: content("caption") },
  ]);
  assert.equal(status, 200);
});

test("refuses what it would otherwise ignore", async () => {
  const messages = [{ role: "user", content: content("caption") }];
  for (const more of [
    { temperature: 0.7 },
    { n: 2 },
    { tools: [] },
    { response_format: { type: "json_object" } },
  ]) {
    const { status, body } = await ask(messages, more);
    assert.equal(status, 422, JSON.stringify(more));
    assert.equal(body.error?.code, "invalid_request");
  }
});

test("refuses a message with no picture, with two, and one that is no base64", async () => {
  const text = { type: "text", text: "caption" };
  const url = { type: "image_url", image_url: { url: "data:image/png,xyz" } };
  for (const parts of ["caption", [text], [text, image, image], [text, url]]) {
    const { body } = await ask([{ role: "user", content: parts }]);
    assert.equal(body.error?.code, "invalid_request");
  }
});
