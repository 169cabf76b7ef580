import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { sql } from "../../../src/http/ports/database.ts";
import { PHOTO, PHOTO_PNG } from "../bad-images.ts";
import { readProblem } from "../requests.ts";
import {
  startWebhookService,
  type WebhookService,
} from "../webhooks/webhook-service.ts";

const STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HMAC_SECRET = "a secret of the camera";
const S3_SECRET = "a-token-of-the-storage";

async function start(): Promise<WebhookService> {
  return await startWebhookService({
    config: {
      hooks: [
        {
          name: "shop",
          kind: "standard",
          secret: STANDARD_SECRET,
          tenant: "local",
          tasks: [{ task: "caption" }],
        },
        {
          name: "camera",
          kind: "generic-hmac",
          secret: HMAC_SECRET,
          tenant: "local",
        },
        {
          name: "nas",
          kind: "s3",
          secret: S3_SECRET,
          tenant: "local",
          tasks: [{ task: "caption" }],
        },
      ],
    },
  });
}

interface Accepted {
  readonly data: readonly {
    readonly upload_id: string | null;
    readonly job_id: string | null;
    readonly problem?: { readonly code: string };
  }[];
  readonly ignored: readonly string[];
}

async function readAccepted(response: Response): Promise<Accepted> {
  assert.equal(response.status, 202, await response.clone().text());
  return (await response.json()) as Accepted;
}

async function count(
  { host }: WebhookService,
  table: "uploads" | "jobs",
): Promise<number> {
  const rows = await host.database.all(
    table === "jobs" ? sql`SELECT id FROM jobs` : sql`SELECT id FROM uploads`,
  );
  return rows.length;
}

function standardHeaders(
  body: string,
  nowMs: number,
  id = "msg_1",
): Record<string, string> {
  const at = new Date(nowMs);
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(nowMs / 1000)),
    "webhook-signature": new Webhook(STANDARD_SECRET).sign(id, at, body),
  };
}

const NAMED = JSON.stringify({
  type: "product.photo",
  data: { images: [{ base64: Buffer.from(PHOTO).toString("base64") }] },
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("standard: takes pictures by address and in base64, once", async () => {
  const started = await start();
  started.answer = () =>
    new Response(PHOTO_PNG, { headers: { "Content-Type": "image/png" } });
  const body = JSON.stringify({
    type: "product.photo",
    image_url: "https://shop.example/a.png",
    data: { image: { base64: Buffer.from(PHOTO).toString("base64") } },
  });
  const headers = standardHeaders(body, started.clock.nowMs);
  const send = () =>
    started.request("POST", "/v1/hooks/shop", bytesOf(body), headers);
  const first = await readAccepted(await send());
  assert.equal(first.data.length, 2);
  assert.ok(first.data.every(({ job_id: id }) => id?.startsWith("job_")));
  assert.deepEqual(await readAccepted(await send()), first);
  assert.equal(started.received.length, 1, "nothing is fetched again");
  await started.drain();
  assert.equal(await count(started, "uploads"), 2);
  assert.equal(await count(started, "jobs"), 2);
});

test("standard: refuses a hundred forgeries and replays", async () => {
  const started = await start();
  const { nowMs } = started.clock;
  const good = standardHeaders(NAMED, nowMs);
  const [, mac] = good["webhook-signature"]!.split(",");
  const flip = (text: string, at: number): string => {
    const letter = text[at] === "A" ? "B" : "A";
    return text.slice(0, at) + letter + text.slice(at + 1);
  };
  const signature = (value: string) => ({
    ...good,
    "webhook-signature": value,
  });
  const forgeries: (readonly [Record<string, string>, string])[] = [];
  // One letter of the signature, each in turn; the last one has spare bits.
  for (let at = 0; at < 42; at += 1) {
    forgeries.push([signature(`v1,${flip(mac!, at)}`), NAMED]);
  }
  // One letter of the body.
  for (let at = 0; at < 20; at += 1) {
    forgeries.push([good, flip(NAMED, at * 7)]);
  }
  // Times at which it was not signed, and old ones with a good signature.
  for (let minutes = 6; minutes < 16; minutes += 1) {
    for (const offset of [-minutes * 60_000, minutes * 60_000]) {
      forgeries.push([standardHeaders(NAMED, nowMs + offset), NAMED]);
    }
  }
  const other = new Webhook("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  const at = new Date(nowMs);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
  forgeries.push(
    [{}, NAMED],
    [without("webhook-id"), NAMED],
    [without("webhook-timestamp"), NAMED],
    [without("webhook-signature"), NAMED],
    [{ ...good, "webhook-id": "msg_2" }, NAMED],
    [{ ...good, "webhook-id": "x".repeat(300) }, NAMED],
    [{ ...good, "webhook-timestamp": "soon" }, NAMED],
    [{ ...good, "webhook-timestamp": "-1" }, NAMED],
    [{ ...good, "webhook-timestamp": `${nowMs}` }, NAMED],
    [{ ...good, "webhook-timestamp": `${Math.floor(nowMs / 1000)}.0` }, NAMED],
    [{ ...good, "webhook-timestamp": `0${Math.floor(nowMs / 1000)}` }, NAMED],
    [
      { ...good, "webhook-timestamp": `${Math.floor(nowMs / 1000) + 1}` },
      NAMED,
    ],
    [signature(""), NAMED],
    [signature("v1,"), NAMED],
    [signature(mac!), NAMED],
    [signature(`v2,${mac!}`), NAMED],
    [signature(`v1a,${mac!}`), NAMED],
    [signature(`v1,${mac!.slice(0, 20)}`), NAMED],
    [signature(`v1,${mac!}${mac!}`), NAMED],
    [signature("v1,not base64!"), NAMED],
    [signature(`${"v1,AAAA ".repeat(40)}v1,${mac!}`), NAMED],
    [signature(other.sign("msg_1", at, NAMED)), NAMED],
    [good, `${NAMED} `],
    [good, ""],
  );
  assert.ok(forgeries.length >= 100, String(forgeries.length));
  for (const [headers, body] of forgeries) {
    const response = await started.request(
      "POST",
      "/v1/hooks/shop",
      bytesOf(body),
      headers,
    );
    await readProblem(response, "signature_invalid");
  }
  assert.equal(await count(started, "uploads"), 0);
  const send = () =>
    started.request("POST", "/v1/hooks/shop", bytesOf(NAMED), good);
  await readAccepted(await send());
  await readAccepted(await send());
  assert.equal(await count(started, "uploads"), 1);
  // The same message after its time is a replay.
  started.clock.nowMs += 301_000;
  await readProblem(await send(), "signature_invalid");
});

test("standard: says what a body lacks, and why an address cannot be had", async () => {
  const started = await start();
  const send = async (body: unknown) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const headers = standardHeaders(text, started.clock.nowMs);
    return await started.request(
      "POST",
      "/v1/hooks/shop",
      bytesOf(text),
      headers,
    );
  };
  await readProblem(await send("{"), "invalid_json");
  await readProblem(await send([]), "invalid_request");
  await readProblem(await send({ type: "x" }), "invalid_request");
  await readProblem(await send({ image_url: 5 }), "invalid_request");
  await readProblem(await send({ image: {} }), "invalid_request");
  const base64 = { image: { base64: "!!" } };
  await readProblem(await send(base64), "invalid_request");
  const inside = { image_url: "http://169.254.169.254/" };
  await readProblem(await send(inside), "url_forbidden");
  started.answer = () => new Response("gone", { status: 404 });
  const missing = { image_url: "https://shop.example/a" };
  await readProblem(await send(missing), "url_fetch_failed");
  started.answer = () => new Response("<!doctype html>");
  const page = { image_url: "https://shop.example/b" };
  await readProblem(await send(page), "unsupported_media_type");
  // One of two is enough; the other says what is wrong with it.
  const both = {
    image_url: "https://shop.example/b",
    image: { base64: Buffer.from(PHOTO).toString("base64") },
  };
  const { data } = await readAccepted(await send(both));
  assert.equal(data[0]?.problem?.code, "unsupported_media_type");
  assert.match(data[1]?.upload_id ?? "", /^up_/u);
});

test("generic-hmac: takes a picture, or JSON that names one, signed either way", async () => {
  const started = await start();
  const sign = (body: Uint8Array): string =>
    createHmac("sha256", HMAC_SECRET).update(body).digest("hex");
  const json = bytesOf(NAMED);
  const sends: readonly (readonly [Uint8Array, Record<string, string>])[] = [
    [PHOTO, { "X-Hub-Signature-256": `sha256=${sign(PHOTO)}` }],
    [PHOTO_PNG, { "X-Signature": sign(PHOTO_PNG), "Content-Type": "image/png" }], // prettier-ignore
    [json, { "X-Signature": `sha256=${sign(json)}` }],
  ];
  for (const [body, headers] of [...sends, ...sends]) {
    const sent = await started.request("POST", "/v1/hooks/camera", body, headers); // prettier-ignore
    const { data } = await readAccepted(sent);
    assert.equal(data.length, 1);
    assert.equal(data[0]?.job_id, null);
  }
  assert.equal(await count(started, "uploads"), 3);

  const bad: readonly Record<string, string>[] = [
    {},
    { "X-Signature": "" },
    { "X-Signature": sign(PHOTO).slice(2) },
    { "X-Signature": `sha1=${sign(PHOTO)}` },
    { "X-Signature": sign(PHOTO_PNG) },
    { "X-Hub-Signature-256": "sha256=zz", "X-Signature": sign(PHOTO) },
    { Authorization: `Bearer ${HMAC_SECRET}` },
  ];
  for (const headers of bad) {
    const sent = await started.request("POST", "/v1/hooks/camera", PHOTO, headers); // prettier-ignore
    await readProblem(sent, "signature_invalid");
  }
});

/** As Amazon S3 sends it; fields that are not read are left in. */
function s3Record(key: string, eventName = "ObjectCreated:Put"): object {
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: "us-west-2",
    eventTime: "1970-01-01T00:00:00.000Z",
    eventName,
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "testConfigRule",
      bucket: { name: "photos", arn: "arn:aws:s3:::photos" },
      object: {
        key,
        size: 1024,
        eTag: "d41d8cd98f00b204e9800998ecf8427e",
        sequencer: "0055AED6DCD90281E5",
      },
    },
  };
}

test("s3: takes new objects of the tenant's part of the bucket, once", async () => {
  const started = await start();
  await started.host.bucket.put("local/my boat (1).jpg", PHOTO, "");
  await started.host.bucket.put("local/notes.txt", bytesOf("notes"), "");
  const message = {
    Records: [
      s3Record("local/my+boat+%281%29.jpg"),
      s3Record("local/notes.txt"),
      s3Record("local/gone.jpg"),
      s3Record("local/old.jpg", "ObjectRemoved:Delete"),
      s3Record("other/boat.jpg"),
      s3Record("local/../other/boat.jpg"),
      s3Record("local/%E0%A4%A"),
    ],
  };
  const bearer = { Authorization: `Bearer ${S3_SECRET}` };
  const send = (body: unknown, headers: Record<string, string> = bearer) =>
    started.request("POST", "/v1/hooks/nas", body, headers);
  const first = await readAccepted(await send(message));
  assert.deepEqual(
    first.data.map(({ upload_id: id, problem }) => [
      id !== null,
      problem?.code,
    ]),
    [
      [true, undefined],
      [false, "unsupported_media_type"],
      [false, "not_found"],
    ],
  );
  assert.equal(first.ignored.length, 4);
  assert.deepEqual(await readAccepted(await send(message)), first);
  assert.equal(await count(started, "jobs"), 1);
  const [row] = await started.host.database.all(
    sql`SELECT source, source_key FROM uploads WHERE state = 'stored'`,
  );
  assert.deepEqual(
    { ...row },
    { source: "nas", source_key: "local/my boat (1).jpg" },
  );

  const test = {
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Bucket: "photos",
  };
  assert.deepEqual((await readAccepted(await send(test))).data, []);
  for (const headers of [
    {},
    { Authorization: "Bearer wrong" },
    { Authorization: `Basic ${S3_SECRET}` },
  ] as Record<string, string>[]) {
    await readProblem(await send(message, headers), "signature_invalid");
  }
  const topic = { ...bearer, "x-amz-sns-message-type": "SubscriptionConfirmation" }; // prettier-ignore
  const { detail } = await readProblem(
    await send({ Type: "SubscriptionConfirmation" }, topic),
    "invalid_request",
  );
  assert.match(detail, /Amazon SNS/u);
  await readProblem(await send({ Records: [{}] }), "invalid_request");
});

test("jobs of a hook's pictures carry on its trace", async () => {
  const started = await start();
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = {
    ...standardHeaders(NAMED, started.clock.nowMs),
    traceparent: `00-${trace}-00f067aa0ba902b7-01`,
  };
  const body = bytesOf(NAMED);
  await readAccepted(
    await started.request("POST", "/v1/hooks/shop", body, headers),
  );
  const [job] = await started.host.database.all(
    sql`SELECT traceparent FROM jobs`,
  );
  assert.match(String(job?.["traceparent"]), new RegExp(trace, "u"));
});

test("answers 404 for a hook that is not configured", async () => {
  const started = await start();
  const response = await started.request("POST", "/v1/hooks/unknown", {});
  await readProblem(response, "not_found");
});

test("refuses a configuration whose hooks could never work", async () => {
  const hook = {
    name: "shop",
    kind: "standard" as const,
    secret: STANDARD_SECRET,
    tenant: "local",
  };
  const faults = [
    { ...hook, secret: "no base64, but long enough" },
    { ...hook, name: "r2" },
    { ...hook, tasks: [{ task: "poetry" }] },
  ];
  for (const fault of faults) {
    await assert.rejects(startWebhookService({ config: { hooks: [fault] } }));
  }
});
