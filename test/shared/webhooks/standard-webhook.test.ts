import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import {
  isWebhookSecret,
  newWebhookSecret,
  signStandardWebhook,
  verifyStandardWebhook,
} from "../../../src/shared/webhooks/standard-webhook.ts";

const BODY = '{"type":"image.uploaded","data":{"name":"Straße 🚲"}}';

test("verifies what the official package signed, and the other way round", async () => {
  const secret = newWebhookSecret();
  const official = new Webhook(secret);
  const nowMs = Date.now();
  const at = new Date(nowMs);
  const headers = {
    "Webhook-Id": "msg_1",
    "webhook-timestamp": String(Math.floor(nowMs / 1000)),
    "webhook-signature": official.sign("msg_1", at, BODY),
  };
  const { id } = await verifyStandardWebhook({
    ...{ secret, headers, nowMs },
    body: new TextEncoder().encode(BODY),
  });
  assert.equal(id, "msg_1");
  const signed = await signStandardWebhook([newWebhookSecret(), secret], {
    id: "msg_2",
    timestampSeconds: Math.floor(nowMs / 1000),
    body: BODY,
  });
  assert.deepEqual(official.verify(BODY, signed), JSON.parse(BODY));
  await verifyStandardWebhook({
    secret: [newWebhookSecret(), secret],
    headers: new Headers(signed),
    body: BODY,
    nowMs,
  });
});

test("takes a message within five minutes, not beyond", async () => {
  const secret = newWebhookSecret();
  const nowMs = 1_800_000_000_000;
  const headers = await signStandardWebhook([secret], {
    id: "msg_1",
    timestampSeconds: nowMs / 1000,
    body: BODY,
  });
  const verify = (offset: number) =>
    verifyStandardWebhook({
      ...{ secret, headers, body: BODY },
      nowMs: nowMs + offset,
    });
  await verify(300_000);
  await verify(-300_000);
  for (const offset of [301_000, -301_000]) {
    await assert.rejects(
      verify(offset),
      (error) => isFlorenceError(error) && error.code === "signature_invalid",
    );
  }
});

test("knows a secret by its bytes", () => {
  assert.ok(isWebhookSecret(newWebhookSecret()));
  assert.ok(isWebhookSecret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  assert.ok(!isWebhookSecret("whsec_short"));
  assert.ok(!isWebhookSecret("whsec_no base64 at all!"));
});
