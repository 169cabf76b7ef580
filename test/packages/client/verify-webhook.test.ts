import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import {
  verifyWebhook,
  WebhookVerificationError,
} from "../../../packages/client/src/index.ts";

const SECRET = `whsec_${Buffer.from("a secret of the tests, long").toString("base64")}`;
const NOW_MS = 1_767_000_000_000;
const BODY = JSON.stringify({
  type: "analysis.completed",
  timestamp: "2026-01-01T00:00:00Z",
  data: { job_id: "job_1" },
});

function headersOf(secret = SECRET, seconds = NOW_MS / 1000) {
  return {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(seconds),
    "webhook-signature": new Webhook(secret).sign(
      "msg_1",
      new Date(seconds * 1000),
      BODY,
    ),
  };
}

test("takes what the official package has signed", async () => {
  for (const headers of [headersOf(), new Headers(headersOf())]) {
    for (const body of [BODY, new TextEncoder().encode(BODY)]) {
      const event = await verifyWebhook({
        body,
        headers,
        secret: SECRET,
        nowMs: NOW_MS,
      });
      assert.equal(event.id, "msg_1");
      assert.equal(event.type, "analysis.completed");
      assert.deepEqual(event.data, { job_id: "job_1" });
    }
  }
});

test("takes either secret while a rotation lasts, and two signatures", async () => {
  const other = `whsec_${Buffer.from("another secret, also long").toString("base64")}`;
  const headers = headersOf(other);
  const both = {
    ...headers,
    "webhook-signature": `v2,xyz ${headersOf()["webhook-signature"]} ${headers["webhook-signature"]}`,
  };
  for (const one of [headers, both]) {
    await verifyWebhook({
      body: BODY,
      headers: one,
      secret: [SECRET, other],
      nowMs: NOW_MS,
    });
  }
});

const good = headersOf();
const FORGERIES: readonly (readonly [string, object])[] = [
  ["another body", { body: `${BODY} ` }],
  [
    "another secret",
    { headers: headersOf(`whsec_${btoa("not the secret at all")}`) },
  ],
  ["another id", { headers: { ...good, "webhook-id": "msg_2" } }],
  ["a time long ago", { headers: headersOf(SECRET, NOW_MS / 1000 - 301) }],
  ["a time to come", { headers: headersOf(SECRET, NOW_MS / 1000 + 301) }],
  [
    "another time",
    { headers: { ...good, "webhook-timestamp": String(NOW_MS / 1000 + 1) } },
  ],
  ["no number as time", { headers: { ...good, "webhook-timestamp": "now" } }],
  ["no signature", { headers: { ...good, "webhook-signature": undefined } }],
  ["an empty signature", { headers: { ...good, "webhook-signature": "v1," } }],
  [
    "another version",
    {
      headers: {
        ...good,
        "webhook-signature": good["webhook-signature"].replace("v1", "v0"),
      },
    },
  ],
  ["no base64", { headers: { ...good, "webhook-signature": "v1,%%%" } }],
];

for (const [name, forged] of FORGERIES) {
  test(`refuses ${name}`, async () => {
    await assert.rejects(
      verifyWebhook({
        body: BODY,
        headers: good,
        secret: SECRET,
        nowMs: NOW_MS,
        ...forged,
      }),
      WebhookVerificationError,
    );
  });
}
