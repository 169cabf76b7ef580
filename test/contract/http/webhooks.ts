// Registered receivers, and deliveries that really go out.

import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { PHOTO } from "./image-server.ts";
import { openWebhookReceiver } from "./webhook-receiver.ts";

const PATH = "/v1/webhook-endpoints";

interface Endpoint {
  readonly id: string;
  readonly secret: string;
}

export const CASES: readonly HttpCase[] = [
  {
    name: "registers an address once, rotates its secret, and forgets it",
    async run(target) {
      await using receiver = await openWebhookReceiver();
      const body = { url: receiver.url, events: ["analysis.completed"] };
      const { id, secret } = await register(target, receiver.url);
      const again = await ask(target, "POST", PATH, body);
      assert.equal(again.status, 200);
      assert.equal(((await again.json()) as Endpoint).secret, secret);
      const rotation = await ask(target, "POST", `${PATH}/${id}/rotate`);
      const rotated = (await rotation.json()) as Endpoint;
      const test = await ask(target, "POST", `${PATH}/${id}/test`);
      const report = (await test.json()) as Record<string, unknown>;
      assert.equal(report["delivered"], true);
      assert.equal(report["answer"], "seen");
      const [sent] = receiver.received;
      for (const one of [secret, rotated.secret]) {
        new Webhook(one).verify(sent!.body, sent!.headers);
      }
      const removal = await ask(target, "DELETE", `${PATH}/${id}`);
      assert.equal(removal.status, 204);
      const gone = await ask(target, "DELETE", `${PATH}/${id}`);
      assert.equal(gone.status, 404);
    },
  },
  {
    name: "tells of an upload, and again when the first attempt failed",
    async run(target) {
      await using receiver = await openWebhookReceiver();
      const { id, secret } = await register(target, receiver.url);
      receiver.status = 500;
      const made = await ask(target, "POST", "/v1/uploads", {});
      const { url } = (await made.json()) as { readonly url: string };
      const { pathname, search } = new URL(url);
      const put = await target.fetch(pathname + search, {
        method: "PUT",
        body: PHOTO,
      });
      assert.equal(put.status, 200, await put.clone().text());
      await receiver.until(1);
      receiver.status = 204;
      // Some five seconds later, by the queue.
      await receiver.until(2);
      const [first, second] = receiver.received;
      assert.equal(first!.headers["webhook-id"], second!.headers["webhook-id"]);
      assert.deepEqual(apartFromAddress(second!), apartFromAddress(first!));
      const payload = new Webhook(secret).verify(second!.body, second!.headers);
      const { type, data: told } = payload as UploadEvent;
      assert.equal(type, "image.uploaded");
      const address = new URL(told.image_url);
      const picture = await target.fetch(address.pathname + address.search);
      assert.equal(picture.status, 200);

      const deliveries = `${PATH}/${id}/deliveries`;
      const list = await ask(target, "GET", deliveries);
      const { data } = (await list.json()) as {
        readonly data: readonly { readonly id: string }[];
      };
      assert.equal(data.length, 1);
      const replay = `/v1/deliveries/${data[0]!.id}/replay`;
      assert.equal((await ask(target, "POST", replay)).status, 202);
      await receiver.until(3);
      const third = receiver.received[2]!;
      assert.deepEqual(apartFromAddress(third), apartFromAddress(first!));
      await ask(target, "DELETE", `${PATH}/${id}`);
    },
  },
];

interface UploadEvent {
  readonly type: string;
  readonly data: { readonly image_url: string };
}

/** An event without the picture's address, which is signed anew at each send. */
function apartFromAddress(delivery: { readonly body: string }): unknown {
  const event = JSON.parse(delivery.body) as UploadEvent;
  return { ...event, data: { ...event.data, image_url: undefined } };
}

async function register(target: HttpTarget, url: string): Promise<Endpoint> {
  const response = await ask(target, "POST", PATH, {
    url,
    events: ["image.uploaded"],
  });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()) as Endpoint;
}

async function ask(
  target: HttpTarget,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  return await target.fetch(path, {
    method,
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      "Content-Type": "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}
