// Two hosts of one service: what the edge asks of the other, how it proves who
// it is, and what becomes of bad answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import {
  signInternal,
  verifyInternal,
} from "../../src/http/engine/internal-token.ts";
import { createRemoteEngine } from "../../src/http/engine/remote-engine.ts";
import type { Engine } from "../../src/http/engine/engine.ts";
import type { App } from "../../src/http/operation.ts";
import { createCheckedService } from "./checked-service.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { EnvelopeSchema } from "../../src/shared/schema/analysis.ts";
import { engineRequest } from "../contract/engine-contract.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { analyzeParts, partsOf } from "./requests.ts";

const SECRET = "a secret of two hosts, long enough";
const CAPTION = { tasks: [{ task: "caption" }] };
const ASKED_BY = { tenant: "acme", id: "key_1" };

/** A far host whose engine goes by `gpu`. */
async function farApp(): Promise<App> {
  const config = { secret: SECRET, open_mode: false };
  const { app } = createCheckedService(
    await createFakeHost({ name: "gpu", config }),
  );
  return app;
}

/** An engine behind whatever answers. */
function remote(
  answer: (request: Request) => Response | Promise<Response>,
): Engine {
  return createRemoteEngine({
    name: "gpu",
    url: "http://gpu.test",
    config: { secret: SECRET },
    platform: at(0),
    outbound: { fetch: async (request) => await answer(request) },
  });
}

function at(ms: number): Platform {
  return { ...NODE_PLATFORM, now: () => ms };
}

test("answers through the other host, and says so", async () => {
  const far = await farApp();
  const { app } = createCheckedService(
    await createFakeHost({
      loadError: new FlorenceError("engine_unavailable", "Dead. Wait."),
      config: {
        secret: SECRET,
        engines: [{ name: "gpu", url: "http://gpu.test" }],
      },
      outbound: { fetch: async (request) => await far.fetch(request) },
    }),
  );
  const response = await analyzeParts(app, partsOf(CAPTION));
  assert.equal(response.status, 200, await response.clone().text());
  const envelope = v.parse(EnvelopeSchema, await response.json());
  assert.equal(envelope.engine.used, "gpu");
  assert.deepEqual(envelope.engine.attempts, [
    { engine: "edge", outcome: "failed", reason: "engine_unavailable" },
    { engine: "gpu", outcome: "ok" },
  ]);
  const engines = (await (await app.request("/v1/engines")).json()) as {
    data: { engine: string; circuit: string; models: string[] }[];
  };
  assert.deepEqual(
    engines.data.map(({ engine, circuit, models }) => [
      engine,
      circuit,
      models,
    ]),
    [
      ["edge", "closed", ["fake"]],
      ["gpu", "closed", ["fake"]],
    ],
  );
});

test("passes on the tenant, the deadline and the trace", async () => {
  const far = await farApp();
  const requests: Request[] = [];
  const engine = remote((request) => {
    requests.push(request.clone());
    return far.fetch(request);
  });
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  await engine.analyze(
    engineRequest(PHOTO, CAPTION, {
      principal: { ...ASKED_BY, scopes: ["admin"] },
      deadlineAtMs: 10_000,
      traceparent,
    }),
  );
  const [request] = requests;
  assert.ok(request !== undefined);
  assert.equal(request.headers.get("traceparent"), traceparent);
  assert.equal(request.headers.get("Deadline-Ms"), "9700");
  const context = { config: { secret: SECRET }, platform: at(0) };
  assert.deepEqual(await verifyInternal(context, request, 1e6), {
    ...ASKED_BY,
    // Whatever its caller may, an engine may be asked to analyze.
    scopes: ["analyze"],
  });
});

test("goes to the other host by its name, so that no circle is made", async () => {
  const engine = remote(async (request) => {
    const form = await request.formData();
    const { options } = JSON.parse(form.get("request") as string) as {
      options: Record<string, unknown>;
    };
    assert.equal(options["engine"], "gpu");
    assert.equal(options["allow_fallback"], false);
    throw new FlorenceError("warming_up", "Seen. Wait.");
  });
  await assert.rejects(engine.analyze(engineRequest(PHOTO, CAPTION)), {
    code: "warming_up",
  });
});

const PROBLEM = {
  type: "about:blank",
  title: "Image not decodable",
  status: 422,
  detail: "The JPEG ends early. Send all of it.",
  code: "image_undecodable",
  retryable: false,
  errors: [{ pointer: "/image", detail: "ends early" }],
};

function problem(
  changes: object,
  headers: Record<string, string> = {},
): Response {
  const body = { ...PROBLEM, ...changes };
  return Response.json(body, { status: body.status, headers });
}

test("gives the caller's mistakes back as the other host found them", async () => {
  const engine = remote(() => problem({}));
  await assert.rejects(engine.analyze(engineRequest(PHOTO, CAPTION)), {
    code: "image_undecodable",
    message: PROBLEM.detail,
    errors: PROBLEM.errors,
  });
});

const BAD_ANSWERS: readonly (readonly [string, () => Response, string])[] = [
  ["no JSON", () => new Response("<html>hello"), "engine_bad_output"],
  ["no envelope", () => Response.json({ id: 3 }), "engine_bad_output"],
  [
    "a proxy's own page",
    () => new Response("<h1>Bad gateway", { status: 502 }),
    "engine_unavailable",
  ],
  [
    "that it failed",
    () => problem({ code: "internal", status: 500 }),
    "engine_bad_output",
  ],
  [
    "that it does not know us",
    () => problem({ code: "unauthenticated", status: 401 }),
    "engine_unavailable",
  ],
  [
    "that we ask too much",
    () => problem({ code: "rate_limited", status: 429 }),
    "engine_unavailable",
  ],
  [
    "that it warms up",
    () => problem({ code: "warming_up", status: 503 }, { "Retry-After": "9" }),
    "warming_up",
  ],
];

for (const [what, answer, code] of BAD_ANSWERS) {
  test(`takes ${what} for ${code}`, async () => {
    const engine = remote(answer);
    await assert.rejects(
      engine.analyze(engineRequest(PHOTO, CAPTION)),
      (error: unknown) => {
        assert.ok(error instanceof FlorenceError);
        assert.equal(error.code, code);
        assert.doesNotMatch(error.message, /gpu\.test/u, "no address");
        if (code === "warming_up") assert.equal(error.retryAfterSeconds, 9);
        return true;
      },
    );
  });
}

test("takes a host that cannot be reached for not there", async () => {
  const engine = remote(() => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(engine.analyze(engineRequest(PHOTO, CAPTION)), {
    code: "engine_unavailable",
  });
});

test("takes a stream that breaks off for not there", async () => {
  const engine = remote(
    () =>
      new Response('event: token\ndata: {"result_id":"t0","delta":"a g"}\n\n', {
        headers: { "Content-Type": "text/event-stream" },
      }),
  );
  let text = "";
  const told = engine.analyze(engineRequest(PHOTO, CAPTION), {
    token: ({ delta }) => (text += delta),
  });
  await assert.rejects(told, { code: "engine_unavailable" });
  assert.equal(text, "a g");
});

test("stops waiting when its caller is gone", async () => {
  const gone = new AbortController();
  const engine = remote(
    (request) =>
      new Promise<Response>((_, reject) => {
        request.signal.addEventListener("abort", () => {
          reject(new DOMException("Aborted.", "AbortError"));
        });
        gone.abort();
      }),
  );
  const { signal } = gone;
  await assert.rejects(
    engine.analyze(engineRequest(PHOTO, CAPTION, { signal })),
    { code: "deadline_exceeded" },
  );
});

/** A signed request, and what is changed of it on its way. */
async function signedRequest(
  changes: {
    readonly secret?: string;
    readonly path?: string;
    readonly method?: string;
    readonly body?: string;
    readonly header?: (header: string) => string;
  } = {},
): Promise<Request> {
  const header = await signInternal(
    { config: { secret: changes.secret ?? SECRET }, platform: at(0) },
    ASKED_BY,
    {
      method: "POST",
      path: "/v1/analyze",
      body: new TextEncoder().encode("a body"),
    },
  );
  return new Request(`http://gpu.test${changes.path ?? "/v1/analyze"}`, {
    method: changes.method ?? "POST",
    headers: { Authorization: changes.header?.(header) ?? header },
    body: changes.body ?? "a body",
  });
}

async function verify(request: Request, nowMs = 0): Promise<unknown> {
  const config = { secret: SECRET };
  return await verifyInternal({ config, platform: at(nowMs) }, request, 1000);
}

test("takes a signed request for its tenant, whose body can still be read", async () => {
  const request = await signedRequest();
  assert.deepEqual(await verify(request, 59_000), {
    ...ASKED_BY,
    scopes: ["analyze"],
  });
  assert.equal(await request.text(), "a body");
  assert.equal(await verify(new Request("http://gpu.test/")), null);
});

test("refuses a token for anything else than what was signed", async () => {
  const forged: readonly Promise<Request>[] = [
    signedRequest({ secret: "a secret of nobody, but long enough" }),
    signedRequest({ path: "/v1/analyze?tasks=ocr" }),
    signedRequest({ path: "/v1/jobs" }),
    signedRequest({ method: "PUT" }),
    signedRequest({ body: "a b0dy" }),
    signedRequest({ header: (own) => own.slice(0, -2) + "AA" }),
    signedRequest({ header: (own) => own.split(".")[0]! }),
    signedRequest({ header: () => "Florence-Internal ." }),
    signedRequest({ header: () => "Florence-Internal é!?.%%%" }),
    signedRequest({
      // Another tenant under the same signature.
      header: (own) => {
        const [payload = "", mac = ""] = own.split(" ")[1]!.split(".");
        const claims = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
        const other = btoa(claims.replace("acme", "evil")).replaceAll("=", "");
        return `Florence-Internal ${other}.${mac}`;
      },
    }),
  ];
  for (const request of forged) {
    await assert.rejects(verify(await request), { code: "unauthenticated" });
  }
});

test("refuses a token that is old, or from the future", async () => {
  for (const nowMs of [61_000, -61_000]) {
    await assert.rejects(verify(await signedRequest(), nowMs), {
      code: "unauthenticated",
    });
  }
});

test("refuses a body that is longer than any of ours", async () => {
  const body = "x".repeat(2000);
  await assert.rejects(verify(await signedRequest({ body })), {
    code: "body_too_large",
  });
});
