// Webhooks of others that tell of pictures.

import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { HMAC_SECRET, S3_SECRET, STANDARD_SECRET } from "./hook-settings.ts";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { openImageServer, PHOTO } from "./image-server.ts";

export const CASES: readonly HttpCase[] = [
  {
    name: "takes a picture by its address from a standard webhook, once",
    async run(target) {
      await using images = await openImageServer();
      const body = JSON.stringify({
        data: { image_url: `${images.origin}/photo.jpg` },
      });
      const headers = sign(body);
      const first = await post(target, "shop", body, headers);
      const again = await post(target, "shop", body, headers);
      assert.equal(first.status, 202, await first.clone().text());
      assert.deepEqual(await again.json(), await first.clone().json());
      assert.equal(images.requests.length, 1);
      const { data } = (await first.json()) as {
        readonly data: readonly { readonly upload_id: string }[];
      };
      const read = await target.fetch(`/v1/uploads/${data[0]!.upload_id}`, {
        headers: { Authorization: `Bearer ${target.keys.first}` },
      });
      const upload = (await read.json()) as Record<string, unknown>;
      assert.equal(upload["source"], "shop");
      assert.equal(upload["bytes"], PHOTO.length);
    },
  },
  {
    name: "takes a picture signed by HMAC as it is",
    async run(target) {
      const mac = createHmac("sha256", HMAC_SECRET).update(PHOTO).digest("hex");
      const headers = {
        "Content-Type": "image/jpeg",
        "X-Hub-Signature-256": `sha256=${mac}`,
      };
      const taken = await post(target, "camera", PHOTO, headers);
      assert.equal(taken.status, 202, await taken.clone().text());
    },
  },
  {
    name: "refuses what is not signed, signed wrongly, or long ago",
    async run(target) {
      const body = JSON.stringify({ image_url: "https://example.com/a.jpg" });
      const old = sign(body, Date.now() - 400_000);
      const other = { ...sign(body), "webhook-id": "msg_other" };
      for (const headers of [{}, old, other]) {
        await refused(await post(target, "shop", body, headers));
      }
      await refused(await post(target, "camera", PHOTO, {}));
      const wrong = { "X-Signature": `sha256=${"0".repeat(64)}` };
      await refused(await post(target, "camera", PHOTO, wrong));
      await refused(await post(target, "nas", '{"Records":[]}', {}));
      const unknown = await post(target, "unknown", body, {});
      assert.equal(unknown.status, 404);
    },
  },
  {
    name: "leaves alone events of a storage that tell of no picture of the tenant's",
    async run(target) {
      const record = (eventName: string, key: string) => ({
        eventName,
        s3: { bucket: { name: "photos" }, object: { key, sequencer: "1" } },
      });
      const body = JSON.stringify({
        Records: [
          record("ObjectRemoved:Delete", "first/a.jpg"),
          record("ObjectCreated:Put", "second/a.jpg"),
        ],
      });
      const headers = { Authorization: `Bearer ${S3_SECRET}` };
      const response = await post(target, "nas", body, headers);
      assert.equal(response.status, 202);
      const { data, ignored } = (await response.json()) as {
        readonly data: readonly unknown[];
        readonly ignored: readonly string[];
      };
      assert.deepEqual([data.length, ignored.length], [0, 2]);
    },
  },
];

function sign(body: string, nowMs = Date.now()): Record<string, string> {
  const id = `msg_${randomUUID()}`;
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(nowMs / 1000)),
    "webhook-signature": new Webhook(STANDARD_SECRET).sign(
      id,
      new Date(nowMs),
      body,
    ),
  };
}

async function post(
  target: HttpTarget,
  source: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return await target.fetch(`/v1/hooks/${source}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body,
  });
}

async function refused(response: Response): Promise<void> {
  const problem = (await response.json()) as { readonly code: string };
  assert.deepEqual([response.status, problem.code], [403, "signature_invalid"]);
}
