// Pictures of the service's bucket: named by requests, told of by a storage's
// webhook, told of by R2 itself.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { S3_SECRET } from "./hook-settings.ts";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { PHOTO } from "./image-server.ts";
import {
  openWebhookReceiver,
  type WebhookReceiver,
} from "./webhook-receiver.ts";

export const CASES: readonly HttpCase[] = [
  {
    name: "answers a picture by its bucket_key, to its tenant only",
    async run(target) {
      const key = `first/${randomUUID()}/my boat.jpg`;
      await target.putBucket(key, PHOTO);
      const { first, second } = target.keys;
      const answer = await analyze(target, first, key);
      assert.equal(answer.status, 200, await answer.clone().text());
      const { image } = (await answer.json()) as { image: { sha256: string } };
      const digest = await crypto.subtle.digest("SHA-256", PHOTO);
      assert.equal(image.sha256, Buffer.from(digest).toString("hex"));
      const beside = `first/../first/${key.slice("first/".length)}`;
      for (const [bearer, name] of [
        [second, key],
        [first, `${key}.gone`],
        [first, beside],
      ] as const) {
        const refused = await analyze(target, bearer, name);
        const problem = (await refused.json()) as { code: string };
        assert.deepEqual([refused.status, problem.code], [404, "not_found"]);
      }
    },
  },
  {
    name: "takes a picture that the storage tells of, once",
    async run(target) {
      const key = `first/${randomUUID()}/my boat (1).jpg`;
      await target.putBucket(key, PHOTO);
      const object = {
        key: encodeURIComponent(key).replaceAll("%20", "+"),
        sequencer: "1",
      };
      const body = JSON.stringify({
        Records: [
          {
            eventName: "ObjectCreated:Put",
            s3: { bucket: { name: "photos" }, object },
          },
        ],
      });
      const ids = new Set<unknown>();
      for (let time = 0; time < 2; time += 1) {
        const response = await target.fetch("/v1/hooks/nas", {
          method: "POST",
          headers: {
            Authorization: `Bearer ${S3_SECRET}`,
            "Content-Type": "application/json",
          },
          body,
        });
        assert.equal(response.status, 202, await response.clone().text());
        const { data } = (await response.json()) as {
          readonly data: readonly { readonly upload_id: string }[];
        };
        ids.add(data[0]!.upload_id);
      }
      const [id] = ids;
      assert.deepEqual([...ids], [id]);
      const upload = await readUpload(target, String(id));
      assert.equal(upload["source"], "nas");
      assert.equal(upload["key"], key);
      assert.deepEqual(await fileAt(target, upload["image_url"]), PHOTO);
    },
  },
  {
    name: "takes a picture that R2 tells of, and answers its tenant's tasks",
    async run(target) {
      if (target.sendBucketEvent === null) {
        return "R2 tells its queue, which is Cloudflare's; here a storage tells an s3 hook";
      }
      await using receiver = await openWebhookReceiver();
      await register(target, receiver);
      const key = `first/${randomUUID()}/boat.jpg`;
      await target.putBucket(key, PHOTO);
      // developers.cloudflare.com/r2/buckets/event-notifications
      const event = {
        account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
        action: "PutObject",
        bucket: "florence-bucket",
        object: { key, size: PHOTO.length, eTag: randomUUID() },
        eventTime: "2024-05-24T19:36:44.379Z",
      };
      await target.sendBucketEvent(event);
      await target.sendBucketEvent(event);
      await receiver.until(2);
      const told = receiver.received.map(
        ({ body }) => JSON.parse(body) as Told,
      );
      const uploaded = told.find(({ type }) => type === "image.uploaded")!;
      const { upload_id: id, source, key: named } = uploaded.data;
      assert.deepEqual([source, named], ["r2", key]);
      const upload = await readUpload(target, String(id));
      const analyzed = told.find(({ type }) => type === "analysis.completed")!;
      assert.equal(analyzed.data["job_id"], upload["job_id"]);
      assert.deepEqual(await fileAt(target, upload["image_url"]), PHOTO);
      return undefined;
    },
  },
];

interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function analyze(
  target: HttpTarget,
  bearer: string,
  key: string,
): Promise<Response> {
  return await target.fetch("/v1/analyze", {
    method: "POST",
    headers: {
      Authorization: `Bearer ${bearer}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({
      image: { bucket_key: key },
      tasks: [{ task: "caption" }],
    }),
  });
}

async function readUpload(
  target: HttpTarget,
  id: string,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await target.fetch(`/v1/uploads/${id}`, {
    headers: { Authorization: `Bearer ${target.keys.first}` },
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Record<string, unknown>;
}

/** What lies at a signed address. */
async function fileAt(
  target: HttpTarget,
  address: unknown,
): Promise<Uint8Array> {
  const { pathname, search } = new URL(String(address));
  const response = await target.fetch(pathname + search);
  return new Uint8Array(await response.arrayBuffer());
}

async function register(
  target: HttpTarget,
  { url }: WebhookReceiver,
): Promise<void> {
  const response = await target.fetch("/v1/webhook-endpoints", {
    method: "POST",
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({
      url,
      events: ["image.uploaded", "analysis.completed"],
      filter: { sources: ["r2"] },
    }),
  });
  assert.equal(response.status, 201, await response.text());
}
