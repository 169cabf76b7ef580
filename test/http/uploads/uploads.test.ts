import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { sql } from "../../../src/http/ports/database.ts";
import { PHOTO, PHOTO_PNG } from "../bad-images.ts";
import { createKeyedService } from "../keyed-service.ts";
import { readProblem } from "../requests.ts";
import {
  startWebhookService,
  type WebhookService,
} from "../webhooks/webhook-service.ts";

interface Presigned {
  readonly upload_id: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: string;
}

interface Upload {
  readonly status: string;
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly image_url: string | null;
  readonly job_id: string | null;
  readonly metadata: object;
}

/** Of a signed address, what the app is asked for. */
function pathOf(url: string): string {
  assert.ok(url.startsWith("http://florence.test/"));
  return url.slice("http://florence.test".length);
}

async function presign(
  { request }: WebhookService,
  body: unknown = {},
): Promise<Presigned> {
  const response = await request("POST", "/v1/uploads", body);
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()) as Presigned;
}

async function readUpload(
  { request }: WebhookService,
  id: string,
): Promise<Upload> {
  return (await (await request("GET", `/v1/uploads/${id}`)).json()) as Upload;
}

test("takes a picture at the signed address, and gives it back", async () => {
  const started = await startWebhookService();
  const { request, clock } = started;
  const made = await presign(started, {
    media_type: "image/jpeg",
    bytes: PHOTO.length,
    metadata: { order: "A-17" },
  });
  assert.equal(made.method, "PUT");
  assert.deepEqual(made.headers, { "Content-Type": "image/jpeg" });
  assert.ok(Date.parse(made.expires_at) > clock.nowMs + 3500_000);
  assert.equal((await readUpload(started, made.upload_id)).status, "waiting");

  const path = pathOf(made.url);
  const put = await request("PUT", path, PHOTO, made.headers);
  assert.equal(put.status, 200, await put.clone().text());
  const again = await request("PUT", path, PHOTO, made.headers);
  assert.equal(again.status, 200);
  const upload = await readUpload(started, made.upload_id);
  assert.equal(upload.status, "stored");
  assert.equal(upload.bytes, PHOTO.length);
  assert.deepEqual(upload.metadata, { order: "A-17" });

  const file = await request("GET", pathOf(upload.image_url!));
  assert.equal(file.headers.get("Content-Type"), "image/jpeg");
  assert.deepEqual(new Uint8Array(await file.arrayBuffer()), PHOTO);

  const analysis = await request("POST", "/v1/analyze", {
    image: { upload_id: made.upload_id },
    tasks: [{ task: "caption" }],
  });
  assert.equal(analysis.status, 200, await analysis.clone().text());
});

test("takes an upload without a body, and no other picture after the first", async () => {
  const started = await startWebhookService();
  const response = await started.service.app.request("/v1/uploads", {
    method: "POST",
  });
  assert.equal(response.status, 201);
  const { url } = (await response.json()) as Presigned;
  const path = pathOf(url);
  assert.equal((await started.request("PUT", path, PHOTO)).status, 200);
  const other = await started.request("PUT", path, PHOTO_PNG);
  await readProblem(other, "invalid_request");
});

test("two pictures at once: one is kept, the other is told so", async () => {
  const started = await startWebhookService();
  const { url, upload_id: id } = await presign(started);
  const answers = await Promise.all(
    [PHOTO, PHOTO_PNG].map((bytes) =>
      started.request("PUT", pathOf(url), bytes),
    ),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [200, 422]);
  const upload = await readUpload(started, id);
  const file = await started.request("GET", pathOf(upload.image_url!));
  const bytes = new Uint8Array(await file.arrayBuffer());
  assert.equal(await started.host.platform.sha256(bytes), upload.sha256);
});

test("refuses what is no picture, or not what was announced", async () => {
  const started = await startWebhookService();
  const put = async (announced: unknown, bytes: Uint8Array, headers = {}) => {
    const { url } = await presign(started, announced);
    return await started.request("PUT", pathOf(url), bytes, headers);
  };
  const html = new TextEncoder().encode("<!doctype html><p>hello");
  await readProblem(await put({}, html), "unsupported_media_type");
  const cut = PHOTO.subarray(0, 10);
  await readProblem(await put({}, cut), "image_undecodable");
  const packed = await put({}, PHOTO, { "Content-Encoding": "gzip" });
  await readProblem(packed, "unsupported_media_type");
  const png = await put({ media_type: "image/png" }, PHOTO);
  await readProblem(png, "invalid_request");
  const less = await put({ bytes: PHOTO.length + 1 }, PHOTO);
  await readProblem(less, "invalid_request");
  const more = await put({ bytes: PHOTO.length - 1 }, PHOTO);
  await readProblem(more, "invalid_request");
  const large = new Uint8Array(200_001);
  await readProblem(await put({}, large), "image_too_large");
});

test("refuses announcements that cannot be", async () => {
  const { request } = await startWebhookService();
  const cases: readonly (readonly [object, string, string])[] = [
    [{ media_type: "image/gif" }, "invalid_request", "/media_type"],
    [{ bytes: 1.5 }, "invalid_request", "/bytes"],
    [{ options: {} }, "invalid_request", "/options"],
    [{ callback: { url: "https://a.example/" } }, "invalid_request", "/callback"], // prettier-ignore
    [{ task: "caption" }, "invalid_request", "/task"],
    [{ tasks: [{ task: "poetry" }] }, "unknown_task", "/tasks/0/task"],
    [{ tasks: [{ task: "ground" }] }, "missing_task_input", "/tasks/0/phrase"],
  ];
  for (const [body, code, pointer] of cases) {
    const response = await request("POST", "/v1/uploads", body);
    const { errors } = await readProblem(response, code as "invalid_request");
    assert.equal(errors?.[0]?.pointer, pointer);
  }
  const tasks = [{ task: "caption" }];
  const inside = { tasks, callback: { url: "http://10.0.0.1/" } };
  await readProblem(
    await request("POST", "/v1/uploads", inside),
    "url_forbidden",
  );
  const unknown = { tasks, callback: { endpoint_id: "we_no" } };
  await readProblem(await request("POST", "/v1/uploads", unknown), "not_found");
  const large = await request("POST", "/v1/uploads", { bytes: 200_001 });
  await readProblem(large, "image_too_large");
});

test("refuses addresses it did not sign, and those whose time is over", async () => {
  const started = await startWebhookService();
  const { request, clock } = started;
  const { url, upload_id: id } = await presign(started);
  const path = pathOf(url);
  const query = new URL(url).searchParams;
  const signature = query.get("signature")!;
  const expires = query.get("expires")!;
  const forged = [
    `/v1/uploads/${id}/content`,
    `/v1/uploads/${id}/content?expires=${expires}`,
    `/v1/uploads/${id}/content?expires=${expires}&signature=`,
    `/v1/uploads/${id}/content?expires=${expires}&signature=${"A".repeat(43)}`,
    `/v1/uploads/${id}/content?expires=${Number(expires) + 1}&signature=${signature}`,
    `/v1/uploads/up_other/content?expires=${expires}&signature=${signature}`,
  ];
  for (const one of forged) {
    await readProblem(await request("PUT", one, PHOTO), "signature_invalid");
  }
  // For one method only.
  await readProblem(await request("GET", path), "signature_invalid");
  clock.nowMs = Number(expires) * 1000;
  await readProblem(await request("PUT", path, PHOTO), "expired");
});

test("runs an upload's tasks on arrival, once, and tells of both", async () => {
  const started = await startWebhookService();
  const { request, received, drain } = started;
  const endpoint = (await (
    await request("POST", "/v1/webhook-endpoints", {
      url: "https://a.example/hook",
      events: ["image.uploaded", "analysis.completed"],
      filter: { sources: ["upload"], tasks: ["caption"] },
    })
  ).json()) as { readonly secret: string };
  const { url, upload_id: id } = await presign(started, {
    tasks: [{ task: "caption" }],
    callback: { url: "https://b.example/hook" },
    metadata: { order: "A-17" },
  });
  await request("PUT", pathOf(url), PHOTO);
  await request("PUT", pathOf(url), PHOTO);
  await drain();
  const jobs = await started.host.database.all(sql`SELECT id FROM jobs`);
  assert.equal(jobs.length, 1);
  assert.equal((await readUpload(started, id)).job_id, jobs[0]!["id"]);

  const sent = received.map((one) => ({
    to: one.url,
    ...(JSON.parse(one.body) as {
      readonly type: string;
      readonly data: Readonly<Record<string, unknown>>;
    }),
  }));
  assert.deepEqual(
    sent.map(({ to, type }) => [new URL(to).host, type]).toSorted(),
    [
      ["a.example", "analysis.completed"],
      ["a.example", "image.uploaded"],
      ["b.example", "analysis.completed"],
    ],
  );
  const { data } = sent.find(({ type }) => type === "image.uploaded")!;
  const { image_url: imageUrl, sha256, ...rest } = data;
  assert.deepEqual(rest, {
    upload_id: id,
    source: "upload",
    key: null,
    media_type: "image/jpeg",
    bytes: PHOTO.length,
  });
  assert.equal(sha256, await started.host.platform.sha256(PHOTO));
  const file = await request("GET", pathOf(String(imageUrl)));
  assert.equal(file.status, 200);
  const own = received.filter((one) => one.url.includes("a.example"));
  for (const one of own) {
    new Webhook(endpoint.secret).verify(one.body, one.headers);
  }
});

test("signs the picture's address anew for each attempt", async () => {
  const started = await startWebhookService();
  const { request, received, clock } = started;
  await request("POST", "/v1/webhook-endpoints", {
    url: "https://a.example/hook",
    events: ["image.uploaded"],
  });
  started.answer = () => new Response(null, { status: 500 });
  const { url } = await presign(started);
  await request("PUT", pathOf(url), PHOTO);
  // Attempts of two hours and more: the first address is good for one.
  await started.runUntil(clock.nowMs + 3 * 3600_000);
  assert.ok(received.length > 3);
  const addresses = received.map(({ body }) => {
    const { data } = JSON.parse(body) as { data: { image_url: string } };
    return data.image_url;
  });
  assert.equal(new Set(addresses).size, addresses.length);
  const expired = await request("GET", pathOf(addresses[0]!));
  await readProblem(expired, "expired");
  const last = await request("GET", pathOf(addresses.at(-1)!));
  assert.deepEqual(new Uint8Array(await last.arrayBuffer()), PHOTO);
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

test("carries the trace of an upload to its event, its job and its answer", async () => {
  const started = await startWebhookService();
  const { request, received, host, drain } = started;
  await request("POST", "/v1/webhook-endpoints", {
    url: "https://a.example/hook",
    events: ["image.uploaded", "analysis.completed"],
  });
  const body = { tasks: [{ task: "caption" }] };
  const other = TRACE.replaceAll("4", "5");
  for (const [announcing, bringing] of [
    [TRACE, null],
    [other, TRACE],
  ] as const) {
    received.length = 0;
    const made = await request("POST", "/v1/uploads", body, {
      traceparent: TRACEPARENT.replace(TRACE, announcing),
    });
    const { url, upload_id: id } = (await made.json()) as Presigned;
    await request("PUT", pathOf(url), PHOTO, {
      ...(bringing !== null && { traceparent: TRACEPARENT }),
    });
    await drain();
    const [job] = await host.database.all(
      sql`SELECT jobs.traceparent FROM jobs JOIN uploads
        ON uploads.job_id = jobs.id WHERE uploads.id = ${id}`,
    );
    assert.match(String(job?.["traceparent"]), new RegExp(TRACE, "u"));
    assert.equal(received.length, 2);
    for (const { headers } of received) {
      assert.match(headers["traceparent"] ?? "", new RegExp(TRACE, "u"));
    }
  }
});

test("makes a job in the sweep that was not made on arrival", async () => {
  const started = await startWebhookService();
  const { url, upload_id: id } = await presign(started, {
    tasks: [{ task: "caption" }],
  });
  await started.request("PUT", pathOf(url), PHOTO);
  // As if the process had been killed in between.
  await started.host.database.batch([
    sql`DELETE FROM jobs`,
    sql`UPDATE uploads SET job_id = NULL`,
  ]);
  await started.service.sweep();
  assert.equal((await readUpload(started, id)).job_id, null);
  started.clock.nowMs += 60_000;
  await started.service.sweep();
  await started.drain();
  assert.match((await readUpload(started, id)).job_id ?? "", /^job_/u);
});

test("deletes a file when its time is over, says so, and then forgets it", async () => {
  const started = await startWebhookService({
    config: { keep_seconds: 3600 },
  });
  const { url, upload_id: id } = await presign(started);
  await started.request("PUT", pathOf(url), PHOTO);
  const { image_url: imageUrl } = await readUpload(started, id);
  const key = `uploads/local/${id}/${await started.host.platform.sha256(PHOTO)}`;
  assert.ok(await started.host.store.get(key));
  started.clock.nowMs += 3600_000;
  await started.service.sweep();
  assert.equal(await started.host.store.get(key), null);
  assert.equal((await readUpload(started, id)).status, "expired");
  await readProblem(await started.request("GET", pathOf(imageUrl!)), "expired");
  const analysis = await started.request("POST", "/v1/analyze", {
    image: { upload_id: id },
    tasks: [{ task: "caption" }],
  });
  await readProblem(analysis, "expired");
  started.clock.nowMs += 3600_000;
  await started.service.sweep();
  const gone = await started.request("GET", `/v1/uploads/${id}`);
  await readProblem(gone, "not_found");
});

test("shows an upload to its tenant only", async () => {
  const { ask, makeKey } = await createKeyedService();
  const one = (await makeKey()).secret;
  const two = (await makeKey({ tenant: "two" })).secret;
  const made = await ask(one, "/v1/uploads", { method: "POST" });
  const { upload_id: id, url } = (await made.json()) as Presigned;
  const put = await ask(null, pathOf(url), { method: "PUT", body: PHOTO });
  assert.equal(put.status, 200, "the signature is enough");
  assert.equal((await ask(one, `/v1/uploads/${id}`)).status, 200);
  await readProblem(await ask(two, `/v1/uploads/${id}`), "not_found");
  const analysis = await ask(two, "/v1/analyze", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      image: { upload_id: id },
      tasks: [{ task: "caption" }],
    }),
  });
  await readProblem(analysis, "not_found");
});
