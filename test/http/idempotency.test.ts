// `Idempotency-Key`: carried out once, answered as often as asked. Long: there
// are many ways for an answer to end.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createApp } from "../../src/http/app.ts";
import type { VerifyInternal } from "../../src/http/auth/guard.ts";
import { createGuard } from "../../src/http/auth/guard.ts";
import { sweepAnswers } from "../../src/http/auth/kept-answers.ts";
import type { App, AppContext, Operation } from "../../src/http/operation.ts";
import { sql } from "../../src/http/ports/database.ts";
import { SCOPES } from "../../src/http/principal.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import {
  createFakeHost,
  type FakeHost,
  type FakeHostOptions,
} from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { createKeyedService, postJson } from "./keyed-service.ts";
import { partsOf, readProblem } from "./requests.ts";

const TWO_MINUTES_MS = 120_000;

/** An app of one operation; its answers are told apart by how often it ran. */
interface OneOperation {
  readonly app: App;
  readonly host: FakeHost;
  /** How often the handler was called. */
  runs(): number;
}

type Options = FakeHostOptions & Pick<FakeHost, "maxSilenceMs">;

async function oneOperation(
  handle: (context: AppContext, run: number) => Response | Promise<Response>,
  { maxSilenceMs, ...options }: Options = {},
): Promise<OneOperation> {
  const host = {
    ...(await createFakeHost(options)),
    ...(maxSilenceMs !== undefined && { maxSilenceMs }),
  };
  let runs = 0;
  const operation: Operation = {
    method: "POST",
    path: "/things/{id}",
    operationId: "thing",
    tag: "Test",
    summary: "A thing",
    access: "analyze",
    isIdempotent: true,
    responses: {},
    problems: [],
    handle: (context) => handle(context, (runs += 1)),
  };
  const byTenant: VerifyInternal = (request) => {
    const tenant = request.headers.get("X-Tenant") ?? "one";
    return Promise.resolve({ tenant, id: "test", scopes: SCOPES });
  };
  const app = createApp(host, [operation], createGuard(host, byTenant));
  return { app, host, runs: () => runs };
}

function send(
  { app }: { readonly app: App },
  {
    key = "key-1",
    path = "/things/1",
    body = "body",
    type = "text/plain",
    headers = {},
  }: {
    readonly key?: string;
    readonly path?: string;
    readonly body?: BodyInit | null;
    readonly type?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Response> {
  return Promise.resolve(
    app.request(path, {
      method: "POST",
      headers: { "Idempotency-Key": key, "Content-Type": type, ...headers },
      body,
    }),
  );
}

const echo = async (context: AppContext, run: number): Promise<Response> =>
  context.json({ run, body: await context.req.raw.text() }, 201, {
    Location: `/things/${run}`,
    "X-Own": "of this answer only",
  });

test("gives the first answer again, and says so", async () => {
  const one = await oneOperation(echo);
  const first = await send(one);
  assert.equal(first.status, 201);
  assert.equal(first.headers.get("Idempotency-Replayed"), null);
  assert.equal(first.headers.get("X-Own"), "of this answer only");
  const text = await first.text();
  assert.deepEqual(JSON.parse(text), { run: 1, body: "body" });
  for (let again = 0; again < 2; again += 1) {
    const second = await send(one);
    assert.equal(second.status, 201);
    assert.equal(second.headers.get("Idempotency-Replayed"), "true");
    assert.equal(second.headers.get("Location"), "/things/1");
    assert.equal(second.headers.get("X-Own"), null);
    assert.equal(second.headers.get("Content-Type"), "application/json");
    assert.notEqual(
      second.headers.get("X-Request-Id"),
      first.headers.get("X-Request-Id"),
    );
    assert.equal(await second.text(), text);
  }
  assert.equal(one.runs(), 1);
});

test("runs anew without a key, and under another", async () => {
  const one = await oneOperation(echo);
  for (const key of ["a", "b"]) await send(one, { key });
  const plain = { method: "POST", body: "body" };
  await one.app.request("/things/1", plain);
  await one.app.request("/things/1", plain);
  assert.equal(one.runs(), 4);
});

test("refuses the key with another request", async () => {
  const one = await oneOperation(echo);
  await send(one);
  for (const changed of [
    { path: "/things/2" },
    { path: "/things/1?a=b" },
    { body: "Body" },
    { body: "" },
    { body: null },
    { type: "application/json" },
  ]) {
    const response = await send(one, changed);
    const { detail } = await readProblem(response, "idempotency_mismatch");
    assert.match(detail, /Send a new key/u);
  }
  // A parameter of the media type is none of its difference.
  const same = await send(one, { type: "Text/Plain; charset=utf-8" });
  assert.equal(same.headers.get("Idempotency-Replayed"), "true");
  assert.equal(one.runs(), 1);
});

test("keeps the keys of tenants apart", async () => {
  const one = await oneOperation(echo);
  await send(one, { headers: { "X-Tenant": "one" } });
  const other = await send(one, {
    headers: { "X-Tenant": "two" },
    body: "another",
  });
  assert.equal(other.status, 201);
  assert.equal(other.headers.get("Idempotency-Replayed"), null);
  assert.equal(one.runs(), 2);
});

test("knows a multipart request by its parts, whatever its boundary", async () => {
  const one = await oneOperation(async (context, run) => {
    const form = await context.req.raw.formData();
    return context.json({ run, parts: [...form.keys()] });
  });
  const form = (boundary: string, value: string) => ({
    type: `multipart/form-data; boundary=${boundary}`,
    body: `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n${value}\r\n--${boundary}--\r\n`,
  });
  const first = await send(one, form("abc", "-- 1 --\r\n-"));
  assert.deepEqual(await first.json(), { run: 1, parts: ["a"] });
  const again = await send(one, form("----xyz", "-- 1 --\r\n-"));
  assert.equal(again.headers.get("Idempotency-Replayed"), "true");
  const other = await send(one, form("abc", "2"));
  await readProblem(other, "idempotency_mismatch");
});

test("tells others that the first is still at work", async () => {
  const gate = Promise.withResolvers<undefined>();
  const entered = Promise.withResolvers<undefined>();
  const one = await oneOperation(async (context, run) => {
    entered.resolve(undefined);
    await gate.promise;
    return await echo(context, run);
  });
  const first = send(one);
  await entered.promise;
  const second = await send(one);
  const problem = await readProblem(second, "idempotency_in_progress");
  assert.ok(problem.retryable);
  assert.match(second.headers.get("Retry-After") ?? "", /^[1-9]\d*$/u);
  await readProblem(await send(one, { body: "x" }), "idempotency_mismatch");
  gate.resolve(undefined);
  assert.equal((await first).status, 201);
  const third = await send(one);
  assert.equal(third.headers.get("Idempotency-Replayed"), "true");
  assert.equal(one.runs(), 1);
});

test("runs once when a hundred come at once", async () => {
  const one = await oneOperation(echo);
  const responses = await Promise.all(
    Array.from({ length: 100 }, () => send(one)),
  );
  assert.equal(one.runs(), 1);
  const fresh = responses.filter(
    ({ status, headers }) =>
      status === 201 && !headers.has("Idempotency-Replayed"),
  );
  assert.equal(fresh.length, 1);
  for (const { status, headers } of responses) {
    assert.ok(status === 409 || status === 201, String(status));
    assert.equal(headers.has("Retry-After"), status === 409);
  }
});

test("keeps a caller's mistake, but no failure and no limit", async () => {
  const codes = [
    ["image_too_small", true],
    ["not_found", true],
    ["rate_limited", false],
    ["quota_exceeded", false],
    ["engine_unavailable", false],
    ["deadline_exceeded", false],
    ["internal", false],
  ] as const;
  for (const [code, isKept] of codes) {
    const one = await oneOperation((context, run) => {
      if (run > 1) return echo(context, run);
      throw new FlorenceError(code, "As the test has it.");
    });
    const first = await send(one);
    await readProblem(first, code);
    const second = await send(one);
    assert.equal(
      second.headers.get("Idempotency-Replayed"),
      isKept ? "true" : null,
      code,
    );
    assert.equal(second.status, isKept ? first.status : 201, code);
    assert.equal(one.runs(), isKept ? 1 : 2, code);
  }
  const broken = await oneOperation((context, run) => {
    if (run > 1) return echo(context, run);
    throw new Error("internal: a bug");
  });
  assert.equal((await send(broken)).status, 500);
  assert.equal((await send(broken)).status, 201);
});

for (const [silence, ms, options] of [
  ["two silent minutes", TWO_MINUTES_MS, {}],
  ["as long a silence as its host says", 15_000, { maxSilenceMs: 15_000 }],
] as const) {
  test(`lets another take over after ${silence}`, async () => {
    let nowMs = 0;
    const gates: (() => void)[] = [];
    const one = await oneOperation(
      async (context, run) => {
        await new Promise<void>((resolve) => gates.push(resolve));
        return await echo(context, run);
      },
      { ...options, now: () => nowMs },
    );
    // As a process that died leaves it: nobody renews the lease.
    mock.timers.enable({ apis: ["setInterval"] });
    try {
      const dead = send(one);
      await until(() => gates.length === 1);
      nowMs = ms - 1;
      await readProblem(await send(one), "idempotency_in_progress");
      nowMs = ms;
      await readProblem(await send(one, { body: "x" }), "idempotency_mismatch");
      const heir = send(one);
      await until(() => gates.length === 2);
      await readProblem(await send(one), "idempotency_in_progress");

      // The one that was taken for dead answers its caller, and is not kept.
      gates[0]!();
      assert.equal(((await (await dead).json()) as { run: number }).run, 1);
      await readProblem(await send(one), "idempotency_in_progress");
      gates[1]!();
      assert.equal(((await (await heir).json()) as { run: number }).run, 2);
      const kept = await send(one);
      assert.equal(kept.headers.get("Idempotency-Replayed"), "true");
      assert.equal(((await kept.json()) as { run: number }).run, 2);
    } finally {
      mock.timers.reset();
    }
  });
}

test("is not taken over while it lives, however long it takes", async () => {
  let nowMs = 0;
  const gate = Promise.withResolvers<undefined>();
  const entered = Promise.withResolvers<undefined>();
  const one = await oneOperation(
    async (context, run) => {
      entered.resolve(undefined);
      await gate.promise;
      return await echo(context, run);
    },
    { now: () => nowMs },
  );
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    const first = send(one);
    await entered.promise;
    for (let minute = 1; minute <= 5; minute += 1) {
      nowMs = minute * 60_000;
      mock.timers.tick(60_000);
      await new Promise(setImmediate);
      await readProblem(await send(one), "idempotency_in_progress");
    }
    gate.resolve(undefined);
    await first;
    assert.equal(one.runs(), 1);
  } finally {
    mock.timers.reset();
  }
});

test("forgets an answer when its time is over, large ones too", async () => {
  let nowMs = 0;
  const large = "x".repeat(1_000_001);
  const one = await oneOperation(
    (context, run) => context.text(`${run}${large}`),
    { now: () => nowMs, config: { keep_seconds: 3600 } },
  );
  assert.equal((await (await send(one)).text()).length, large.length + 1);
  const rows = async () =>
    await one.host.database.all(
      sql`SELECT body, blob_key FROM idempotency_keys`,
    );
  const [row] = await rows();
  assert.equal(row?.["body"], null);
  const blobKey = String(row["blob_key"]);
  assert.notEqual(await one.host.store.get(blobKey), null);

  nowMs = 3_599_999;
  await sweepAnswers(one.host);
  const again = await send(one);
  assert.equal(again.headers.get("Idempotency-Replayed"), "true");
  assert.equal(await again.text(), `1${large}`);

  nowMs = 3_600_000;
  // Nobody swept: the request finds it expired itself.
  assert.equal(await (await send(one)).text(), `2${large}`);
  assert.equal(await one.host.store.get(blobKey), null);
  nowMs = 7_200_000;
  await sweepAnswers(one.host);
  assert.deepEqual(await rows(), []);
});

test("gives bytes and empty answers again as they were", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const answers: readonly (() => Response)[] = [
    () => new Response(bytes, { headers: { "Content-Type": "image/png" } }),
    () => new Response("\uFEFFmark and \u0000 zero"),
    () => new Response("\uFEFFmark"),
    () => new Response(null, { status: 204 }),
    () => new Response(""),
  ];
  for (const answer of answers) {
    const one = await oneOperation(answer);
    const first = await send(one);
    const second = await send(one);
    assert.equal(one.runs(), 1);
    assert.equal(second.status, first.status);
    assert.equal(
      second.headers.get("Content-Type"),
      first.headers.get("Content-Type"),
    );
    assert.deepEqual(await second.bytes(), await first.bytes());
  }
});

test("answers even if the answer cannot be kept", async () => {
  const failures: unknown[] = [];
  const one = await oneOperation(
    async (context, run) => {
      await one.host.database.batch([sql`DROP TABLE idempotency_keys`]);
      return await echo(context, run);
    },
    { onFailure: (error) => failures.push(error) },
  );
  assert.equal((await send(one)).status, 201);
  assert.match(String(failures[0]), /no such table/u);
});

test("refuses keys that are none", async () => {
  const one = await oneOperation(echo);
  for (const key of ["", "a b", "k".repeat(256), "\u00e9", "a\tb", "a,  b"]) {
    const response = await send(one, { key });
    await readProblem(response, "idempotency_key_invalid");
  }
  for (const key of ["k".repeat(255), "!~", '"quoted"']) {
    assert.equal((await send(one, { key })).status, 201);
  }
});

test("refuses a key for a stream, asked for or not", async () => {
  const asked = await oneOperation(echo);
  const stream = await send(asked, {
    headers: { Accept: "text/event-stream" },
  });
  const problem = await readProblem(stream, "invalid_request");
  assert.match(problem.detail, /stream is not kept/u);
  assert.equal(asked.runs(), 0);

  let isCancelled = false;
  const unasked = await oneOperation(
    () =>
      new Response(
        new ReadableStream({
          cancel: () => {
            isCancelled = true;
          },
        }),
        { headers: { "Content-Type": "text/event-stream" } },
      ),
  );
  await readProblem(await send(unasked), "invalid_request");
  assert.ok(isCancelled);
  const rows = await unasked.host.database.all(
    sql`SELECT * FROM idempotency_keys`,
  );
  assert.deepEqual(rows, []);
});

test("stops reading a body that is too large", async () => {
  const one = await oneOperation(echo);
  const { maxImageBytes, maxJsonBytes } = one.host.limits;
  let pulled = 0;
  const body = new ReadableStream({
    pull(controller) {
      pulled += 10_000;
      controller.enqueue(new Uint8Array(10_000));
    },
  });
  // Node's fetch wants `duplex` for a stream; its types do not know it.
  const init = {
    method: "POST",
    headers: { "Idempotency-Key": "k" },
    body,
    duplex: "half",
  };
  const response = await one.app.request("/things/1", init);
  await readProblem(response, "body_too_large");
  assert.ok(pulled < maxImageBytes + maxJsonBytes + 100_000, String(pulled));
  assert.equal(one.runs(), 0);
});

test("asks the model once for an analysis that is sent twice", async () => {
  const { ask, makeKey, host } = await createKeyedService();
  const { secret } = await makeKey();
  const request = { tasks: [{ task: "caption" }] };
  const headers = { "Idempotency-Key": "photo-1" };
  const ids: unknown[] = [];
  for (let count = 0; count < 2; count += 1) {
    const response = await ask(secret, "/v1/analyze", {
      method: "POST",
      headers,
      // Another boundary each time.
      body: partsOf(request),
    });
    const envelope = (await response.json()) as { id: string };
    assert.equal(response.status, 200, JSON.stringify(envelope));
    ids.push(envelope.id);
  }
  assert.equal(ids[0], ids[1]);
  const [row] = await host.database.all(
    sql`SELECT used FROM usage_windows WHERE kind = 'images'`,
  );
  assert.equal(row?.["used"], 1);
  const image = Buffer.from(PHOTO).toString("base64");
  const other = await ask(
    secret,
    "/v1/analyze",
    postJson({ image: { base64: image }, ...request }, headers),
  );
  await readProblem(other, "idempotency_mismatch");
});

/** Lets others go on until it holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    assert.ok(turns < 10_000, "it never holds");
    await new Promise(setImmediate);
  }
}
