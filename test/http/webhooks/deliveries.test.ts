import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { sql } from "../../../src/http/ports/database.ts";
import { PHOTO } from "../bad-images.ts";
import {
  jobBody,
  startWebhookService,
  type ReceivedWebhook,
  type WebhookService,
} from "./webhook-service.ts";

const PATH = "/v1/webhook-endpoints";
const URL_A = "https://a.example/hook";
const HOUR_MS = 3600_000;

interface Delivery {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly history: readonly { status: number | null; error: string | null }[];
}

async function register(
  { request }: WebhookService,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: string; readonly secret: string }> {
  const body = {
    url: URL_A,
    events: ["analysis.completed", "analysis.failed"],
    ...more,
  };
  const response = await request("POST", PATH, body);
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()) as { id: string; secret: string };
}

async function runJob(
  { request, drain }: WebhookService,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const response = await request("POST", "/v1/jobs", jobBody(PHOTO, more));
  assert.equal(response.status, 202, await response.clone().text());
  const { id } = (await response.json()) as { id: string };
  await drain();
  return id;
}

async function deliveriesOf(
  { request }: WebhookService,
  id: string,
  query = "",
): Promise<readonly Delivery[]> {
  const response = await request("GET", `${PATH}/${id}/deliveries${query}`);
  return ((await response.json()) as { data: Delivery[] }).data;
}

/** The official package refuses old messages; it can still sign them. */
function assertSigned(secret: string, sent: ReceivedWebhook): void {
  const { headers, body } = sent;
  const timestamp = new Date(Number(headers["webhook-timestamp"]) * 1000);
  const expected = new Webhook(secret).sign(
    headers["webhook-id"]!,
    timestamp,
    body,
  );
  assert.ok(headers["webhook-signature"]!.split(" ").includes(expected));
}

function dataOf({ body }: ReceivedWebhook): Readonly<Record<string, unknown>> {
  return (JSON.parse(body) as { data: Record<string, unknown> }).data;
}

test("tells an endpoint of a job's answer, thin, as the official package verifies", async () => {
  const started = await startWebhookService();
  const { id, secret } = await register(started);
  const jobId = await runJob(started);
  assert.equal(started.received.length, 1);
  const [sent] = started.received;
  const payload = new Webhook(secret).verify(sent!.body, sent!.headers) as {
    readonly type: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
  assert.equal(payload.type, "analysis.completed");
  assert.equal(payload.data["job_id"], jobId);
  assert.equal(payload.data["status"], "completed");
  assert.equal(payload.data["url"], `http://florence.test/v1/jobs/${jobId}`);
  assert.equal("analysis" in payload.data, false);
  const [delivery] = await deliveriesOf(started, id);
  assert.equal(delivery?.status, "delivered");
  assert.equal(delivery.id, sent!.headers["webhook-id"]);
});

test("adds the result for an endpoint that wants it", async () => {
  const started = await startWebhookService();
  await register(started, { full: true });
  await runJob(started);
  const { analysis } = dataOf(started.received[0]!) as {
    readonly analysis: { readonly object: string };
  };
  assert.equal(analysis.object, "analysis");
});

test("filters by source and by task", async () => {
  const started = await startWebhookService();
  const other = { url: "https://b.example/hook" };
  await register(started, { filter: { sources: ["upload"] } });
  await register(started, {
    ...other,
    filter: { tasks: ["caption:detailed"] },
  });
  await runJob(started);
  assert.deepEqual(started.received, []);
  await runJob(started, {
    tasks: [{ task: "detect" }, { task: "caption", detail: "detailed" }],
  });
  assert.deepEqual(
    started.received.map(({ url }) => url),
    [other.url],
  );
});

test("sends to a job's own address once, and signs what is not registered", async () => {
  const started = await startWebhookService();
  const { secret } = await register(started);
  await runJob(started, { callback: { url: URL_A } });
  assert.equal(started.received.length, 1);
  assertSigned(secret, started.received[0]!);

  const bare = "https://bare.example/hook";
  await runJob(started, { callback: { url: bare, full: true } });
  const list = (await (await started.request("GET", PATH)).json()) as {
    readonly callback_secret: string;
  };
  const sent = started.received.find(({ url }) => url === bare);
  assertSigned(list.callback_secret, sent!);
  assert.ok("analysis" in dataOf(sent!));

  await runJob(started, {
    callback: { url: bare, events: ["analysis.failed"] },
  });
  assert.equal(started.received.filter(({ url }) => url === bare).length, 1);
});

test("sends to the endpoint a job names, whatever its filter", async () => {
  const started = await startWebhookService();
  const { id } = await register(started, { filter: { sources: ["r2"] } });
  await runJob(started, { callback: { endpoint_id: id } });
  assert.equal(started.received.length, 1);
});

test("delivers everything after a day in which the receiver was down", async () => {
  const started = await startWebhookService();
  const { id, secret } = await register(started);
  const { clock } = started;
  const beganMs = clock.nowMs;
  const upMs = beganMs + 24 * HOUR_MS;
  const answers = [
    () => Promise.reject(new Error("ECONNREFUSED")),
    () => new Response(null, { status: 503 }),
    () => new Response(null, { status: 410 }),
    () => new Response(null, { status: 302, headers: { Location: "/x" } }),
  ];
  let calls = 0;
  started.answer = () =>
    clock.nowMs < upMs
      ? answers[(calls += 1) % answers.length]!()
      : new Response("ok");
  const jobs = new Set<unknown>();
  for (let hour = 0; hour < 24; hour += 1) {
    await started.runUntil(beganMs + hour * HOUR_MS);
    jobs.add(await runJob(started));
  }
  await started.runUntil(upMs);
  assert.equal(
    (await deliveriesOf(started, id, "?status=delivered")).length,
    0,
  );
  started.received.length = 0;
  await started.runUntil(upMs + 12 * HOUR_MS);

  assert.equal(started.received.length, 24);
  assert.deepEqual(
    new Set(started.received.map((sent) => dataOf(sent)["job_id"])),
    jobs,
  );
  for (const sent of started.received) assertSigned(secret, sent);
  const all = await deliveriesOf(started, id);
  assert.ok(all.every(({ status }) => status === "delivered"));
  assert.ok(all.every(({ attempts, history }) => attempts === history.length));
  assert.equal((await started.request("GET", `${PATH}/${id}`)).status, 200);
});

test("delivers by the sweep alone when the queue loses its messages", async () => {
  const started = await startWebhookService();
  await register(started);
  started.isLost = ({ kind }) => kind === "delivery";
  await runJob(started);
  started.isLost = () => false;
  await started.service.sweep();
  await started.drain();
  assert.equal(started.received.length, 0, "its message may still come");
  started.clock.nowMs += 60_000;
  await started.service.sweep();
  await started.drain();
  assert.equal(started.received.length, 1);
});

test("gives up after 27 hours, keeps the dead letter, and sends it again when asked", async () => {
  const started = await startWebhookService();
  const { id } = await register(started);
  started.answer = () => new Response(null, { status: 500 });
  await runJob(started);
  await started.runUntil(started.clock.nowMs + 40 * HOUR_MS);
  assert.equal(started.received.length, 8);
  const ids = started.received.map(({ headers }) => headers["webhook-id"]);
  assert.equal(new Set(ids).size, 1);
  const [dead, ...more] = await deliveriesOf(started, id, "?status=dead");
  assert.deepEqual(more, []);
  assert.equal(dead?.attempts, 8);
  assert.ok(dead.history.every(({ status }) => status === 500));
  await started.service.sweep();
  await started.drain();
  assert.equal(started.received.length, 8);

  started.answer = () => new Response("ok");
  const replay = await started.request("POST", `/v1/deliveries/${dead.id}/replay`); // prettier-ignore
  assert.equal(replay.status, 202);
  await started.drain();
  assert.equal(started.received.length, 9);
  assert.equal(started.received[8]!.headers["webhook-id"], dead.id);
  assert.equal(started.received[8]!.body, started.received[0]!.body);
  const [done] = await deliveriesOf(started, id);
  assert.equal(done?.status, "delivered");
  assert.equal(done.history.length, 9);
});

test("comes again when a receiver that is busy asks it to, not before", async () => {
  const started = await startWebhookService();
  await register(started);
  const { clock } = started;
  started.answer = () =>
    new Response(null, { status: 503, headers: { "Retry-After": "1800" } });
  await runJob(started);
  const beganMs = clock.nowMs;
  await started.runUntil(beganMs + 1_799_000);
  assert.equal(started.received.length, 1);
  await started.runUntil(beganMs + 2_000_000);
  assert.equal(started.received.length, 2);
});

test("makes one attempt at a time, and takes over from one that was killed", async () => {
  const started = await startWebhookService();
  await register(started);
  const release = Promise.withResolvers<Response>();
  started.answer = () => release.promise;
  const response = await started.request("POST", "/v1/jobs", jobBody(PHOTO));
  assert.equal(response.status, 202);
  const draining = started.drain();
  while (started.received.length === 0) await new Promise(setImmediate);
  const [row] = await started.host.database.all(sql`SELECT id FROM deliveries`);
  const message = { kind: "delivery", id: String(row!["id"]) } as const;
  await started.service.consume(message);
  assert.equal(started.received.length, 1);

  // The first attempt is not heard of for longer than a lease.
  started.clock.nowMs += 60_000;
  started.answer = () => new Response("ok");
  await started.service.consume(message);
  assert.equal(started.received.length, 2);
  release.resolve(new Response(null, { status: 500 }));
  await draining;
  const [after] = await started.host.database.all(
    sql`SELECT state, last_status FROM deliveries`,
  );
  assert.equal(after!["state"], "delivered");
  assert.equal(after!["last_status"], 200);
});

test("cuts off a slow receiver and tries again", async (context) => {
  const started = await startWebhookService();
  const { id } = await register(started);
  const response = await started.request("POST", "/v1/jobs", jobBody(PHOTO));
  assert.equal(response.status, 202);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  started.answer = () =>
    new Response(new ReadableStream({ pull: () => new Promise(() => null) }));
  const draining = started.drain();
  while (started.received.length === 0) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  context.mock.timers.tick(15_000);
  await draining;
  const [delivery] = await deliveriesOf(started, id);
  assert.equal(delivery?.status, "pending");
  assert.match(delivery.history[0]?.error ?? "", /more than 15 s/u);
});
