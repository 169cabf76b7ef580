// Pictures sent ahead to a signed address.

import assert from "node:assert/strict";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { PHOTO } from "./image-server.ts";
import { openWebhookReceiver } from "./webhook-receiver.ts";

interface Presigned {
  readonly upload_id: string;
  /** Of the signed address; its origin is where the service is meant to be. */
  readonly path: string;
}

export const CASES: readonly HttpCase[] = [
  {
    name: "takes a picture without a key, once, and gives it back",
    async run(target) {
      const { upload_id: id, path } = await presign(target, {
        media_type: "image/jpeg",
      });
      for (const attempt of [1, 2]) {
        const put = await send(target, path, PHOTO);
        assert.equal(put.status, 200, `attempt ${attempt}`);
      }
      const other = new Uint8Array(PHOTO);
      other[other.length - 3] = other[other.length - 3]! ^ 1;
      assert.equal((await send(target, path, other)).status, 422);
      const read = await target.fetch(`/v1/uploads/${id}`, bearer(target));
      const upload = (await read.json()) as Record<string, unknown>;
      assert.equal(upload["status"], "stored");
      assert.equal(upload["bytes"], PHOTO.length);
      const { pathname, search } = new URL(String(upload["image_url"]));
      const file = await target.fetch(pathname + search);
      assert.equal(file.headers.get("Content-Type"), "image/jpeg");
      assert.deepEqual(new Uint8Array(await file.arrayBuffer()), PHOTO);
    },
  },
  {
    name: "refuses forged addresses, what is no picture, and what is too large",
    async run(target) {
      const { path } = await presign(target, {});
      const forged = path.replace(/signature=./u, (found) =>
        found.endsWith("A") ? "signature=B" : "signature=A",
      );
      await refused(
        await send(target, forged, PHOTO),
        403,
        "signature_invalid",
      );
      const text = new TextEncoder().encode("<!doctype html>");
      const page = await send(target, path, text);
      await refused(page, 415, "unsupported_media_type");
      const large = await target.fetch("/v1/uploads", {
        ...bearer(target),
        method: "POST",
        body: JSON.stringify({ bytes: 20_000_001 }),
      });
      await refused(large, 413, "image_too_large");
    },
  },
  {
    name: "runs an upload's tasks on arrival and calls back",
    async run(target) {
      await using receiver = await openWebhookReceiver();
      const { path, upload_id: id } = await presign(target, {
        tasks: [{ task: "caption" }],
        callback: { url: receiver.url },
        metadata: { order: "A-17" },
      });
      assert.equal((await send(target, path, PHOTO)).status, 200);
      await receiver.until(1);
      const { type, data } = JSON.parse(receiver.received[0]!.body) as {
        readonly type: string;
        readonly data: Readonly<Record<string, unknown>>;
      };
      assert.equal(type, "analysis.completed");
      const read = await target.fetch(`/v1/uploads/${id}`, bearer(target));
      const upload = (await read.json()) as Record<string, unknown>;
      assert.equal(upload["job_id"], data["job_id"]);
    },
  },
];

function bearer({ keys }: HttpTarget): RequestInit {
  return {
    headers: {
      Authorization: `Bearer ${keys.first}`,
      "Content-Type": "application/json",
    },
  };
}

async function presign(target: HttpTarget, body: object): Promise<Presigned> {
  const response = await target.fetch("/v1/uploads", {
    ...bearer(target),
    method: "POST",
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 201, await response.clone().text());
  const { upload_id: id, url } = (await response.json()) as {
    readonly upload_id: string;
    readonly url: string;
  };
  const { pathname, search } = new URL(url);
  return { upload_id: id, path: pathname + search };
}

async function send(
  target: HttpTarget,
  path: string,
  body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  return await target.fetch(path, { method: "PUT", body });
}

async function refused(
  response: Response,
  status: number,
  code: string,
): Promise<void> {
  const problem = (await response.json()) as { readonly code: string };
  assert.deepEqual([response.status, problem.code], [status, code]);
}
