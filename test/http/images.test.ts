import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outbound } from "../../src/http/ports/outbound.ts";
import { sql } from "../../src/http/ports/database.ts";
import type { ErrorCode } from "../../src/shared/errors.ts";
import type { Envelope } from "../../src/shared/schema/analysis.ts";
import type { FakeHostOptions } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { createKeyedService, postJson } from "./keyed-service.ts";
import { readProblem, streamedImage } from "./requests.ts";
import { FORBIDDEN_ADDRESSES } from "./ssrf-addresses.ts";

const TASKS = [{ task: "caption" }];
const URL_A = "https://photos.example/boat.jpg";

/** A service whose outside is `answer`, and a way to ask it as tenant `one`. */
async function bench(
  answer: (request: Request) => Response | Promise<Response> = () =>
    new Response(PHOTO),
  options: FakeHostOptions = {},
) {
  const requests: Request[] = [];
  const outbound: Outbound = {
    fetch: async (request) => {
      requests.push(request);
      return await answer(request);
    },
    resolve: () => Promise.resolve(["8.8.8.8"]),
  };
  const service = await createKeyedService({ outbound, ...options });
  const { secret: key } = await service.makeKey();
  const ask = (image: unknown, init: RequestInit = {}) =>
    service.ask(key, "/v1/analyze", {
      ...postJson({ image, tasks: TASKS }),
      ...init,
    });
  return { ask, requests, service, key };
}

async function envelopeOf(response: Response): Promise<Envelope> {
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Envelope;
}

test("fetches a picture by its address, and says how long that took", async () => {
  let ms = 0;
  const { ask, requests } = await bench(
    () => {
      ms += 40;
      return new Response(PHOTO, { headers: { "Content-Type": "text/html" } });
    },
    { now: () => ms },
  );
  const envelope = await envelopeOf(await ask({ url: URL_A }));
  assert.equal(envelope.image.media_type, "image/jpeg", "from its bytes");
  assert.equal(envelope.timings_ms.fetch, 40);
  assert.equal(envelope.timings_ms.total, 40);
  assert.equal(requests[0]?.url, URL_A);
  assert.match(requests[0].headers.get("Accept") ?? "", /image\/webp/u);
  assert.equal(requests[0].headers.get("Authorization"), null);
});

test("fetches nothing for bytes that are at hand", async () => {
  const { ask } = await bench();
  const base64 = Buffer.from(PHOTO).toString("base64");
  const { timings_ms: timings } = await envelopeOf(await ask({ base64 }));
  assert.equal(timings.fetch, undefined);
});

for (const [trick, addresses] of Object.entries(FORBIDDEN_ADDRESSES)) {
  test(`refuses to fetch from ${trick}`, async () => {
    const { ask, requests } = await bench();
    for (const url of addresses) {
      const response = await ask({ url });
      // Too long to be an address at all: refused before the rules are asked.
      if (url.length > 4096) {
        await readProblem(response, "invalid_request");
        continue;
      }
      const { status, errors } = await readProblem(response, "url_forbidden");
      assert.equal(status, 403);
      assert.equal(errors?.[0]?.pointer, "/image/url", url);
    }
    assert.equal(requests.length, 0);
  });
}

test("refuses an address that redirects into a private network", async () => {
  const { ask, requests } = await bench(() =>
    Response.redirect("http://169.254.169.254/latest/meta-data/"),
  );
  for (const url of ["http://photos.example/", URL_A]) {
    await readProblem(await ask({ url }), "url_forbidden");
  }
  assert.equal(requests.length, 2);
});

test("fetches from an exempted host, and says what it gave", async () => {
  const { ask } = await bench(undefined, {
    config: { address_exemptions: ["127.0.0.1:9000"] },
  });
  await envelopeOf(await ask({ url: "http://127.0.0.1:9000/boat.jpg" }));
  const next = await ask({ url: "http://127.0.0.1:9001/boat.jpg" });
  await readProblem(next, "url_forbidden");
});

test("says what is wrong with what an address gives", async () => {
  const cases: readonly (readonly [() => Response, ErrorCode, RegExp])[] = [
    [() => new Response("no", { status: 404 }), "url_fetch_failed", /404/u],
    [() => new Response(PHOTO, { status: 206 }), "url_fetch_failed", /206/u],
    [() => new Response(null, { status: 204 }), "url_fetch_failed", /204/u],
    [() => new Response(""), "image_undecodable", /./u],
    [() => new Response("<html>"), "unsupported_media_type", /HTML/u],
    [() => new Response(PHOTO.slice(0, 300)), "image_undecodable", /./u],
    [
      () => new Response(PHOTO, { headers: { "Content-Encoding": "br" } }),
      "url_fetch_failed",
      /compressed/u,
    ],
    [
      () => {
        throw new Error("refused");
      },
      "url_fetch_failed",
      /connected/u,
    ],
  ];
  for (const [answer, code, message] of cases) {
    const { ask } = await bench(answer);
    const { detail } = await readProblem(await ask({ url: URL_A }), code);
    assert.match(detail, message);
  }
});

/** 100 MB in pieces of 64 kB, counted as they are taken. */
function hundredMegabytes() {
  const taken = { bytes: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(stream) {
        if (taken.bytes >= 100_000_000) {
          stream.close();
          return;
        }
        taken.bytes += 65_536;
        stream.enqueue(new Uint8Array(65_536));
      },
      cancel() {
        taken.isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken };
}

test("cuts a fetched stream of 100 MB at the limit", async () => {
  const { body, taken } = hundredMegabytes();
  const { ask, service } = await bench(() => new Response(body));
  const { detail, status } = await readProblem(
    await ask({ url: URL_A }),
    "image_too_large",
  );
  assert.equal(status, 413);
  assert.match(detail, /limit is 0.2 MB/u);
  const { maxImageBytes } = service.host.limits;
  assert.ok(taken.bytes <= maxImageBytes + 2 * 65_536, `${taken.bytes}`);
  assert.ok(taken.isCancelled);
});

test("cuts a sent stream of 100 MB at the limit", async () => {
  const { service, key } = await bench();
  const { body, taken } = hundredMegabytes();
  const request = streamedImage(body, { Authorization: `Bearer ${key}` });
  const response = await service.service.app.request(request);
  await readProblem(response, "image_too_large");
  const { maxImageBytes } = service.host.limits;
  assert.ok(taken.bytes <= maxImageBytes + 2 * 65_536, `${taken.bytes}`);
  assert.ok(taken.isCancelled);
});

test("gives a fetch up when its client is gone, and answers the next", async () => {
  const gone = new AbortController();
  let given: AbortSignal | undefined;
  let isFirst = true;
  const { ask } = await bench(({ signal }) => {
    if (!isFirst) return new Response(PHOTO);
    isFirst = false;
    given = signal;
    queueMicrotask(() => {
      gone.abort();
    });
    return new Promise(() => undefined);
  });
  await readProblem(
    await ask({ url: URL_A }, { signal: gone.signal }),
    "deadline_exceeded",
  );
  assert.equal(given?.aborted, true);
  await envelopeOf(await ask({ url: URL_A }));
});

test("frees the engine when a client is gone while its picture is seen", async () => {
  const gone = new AbortController();
  let isFirst = true;
  const { ask } = await bench(undefined, {
    maxWaiting: 0,
    onEncode: (signal) => {
      if (!isFirst) return Promise.resolve();
      isFirst = false;
      return new Promise((resolve) => {
        signal?.addEventListener("abort", () => {
          resolve();
        });
        gone.abort();
      });
    },
  });
  const base64 = Buffer.from(PHOTO).toString("base64");
  await readProblem(
    await ask({ base64 }, { signal: gone.signal }),
    "deadline_exceeded",
  );
  await envelopeOf(await ask({ base64 }));
});

test("reads a picture of the tenant's own part of the bucket, no other", async () => {
  const { ask, service } = await bench();
  const { bucket, store } = service.host;
  await bucket.put("one/2026/boat é.jpg", PHOTO, "image/jpeg");
  await bucket.put("two/boat.jpg", PHOTO, "image/jpeg");
  await bucket.put("onetwo/boat.jpg", PHOTO, "image/jpeg");
  await bucket.put("one/../two/boat.jpg", PHOTO, "image/jpeg");
  await bucket.put("one//boat.jpg", PHOTO, "image/jpeg");
  await bucket.put("one/big.jpg", new Uint8Array(200_001), "image/jpeg");
  await store.put("one/kept.jpg", PHOTO, "image/jpeg");
  await envelopeOf(await ask({ bucket_key: "one/2026/boat é.jpg" }));
  const hidden = [
    "two/boat.jpg",
    "onetwo/boat.jpg",
    "one/../two/boat.jpg",
    "one//boat.jpg",
    "one/kept.jpg",
    "one/none.jpg",
    "one",
    "/one/boat.jpg",
    "one/boat\0.jpg",
    "one\\boat.jpg",
  ];
  for (const key of hidden) {
    const { errors } = await readProblem(
      await ask({ bucket_key: key }),
      "not_found",
    );
    assert.equal(errors?.[0]?.pointer, "/image/bucket_key", key);
  }
  await readProblem(await ask({ bucket_key: "one/big.jpg" }), "image_too_large"); // prettier-ignore
});

test("reads uploads of the store and of the bucket while they are kept", async () => {
  let ms = 0;
  const { ask, service } = await bench(undefined, { now: () => ms });
  const { database, store, bucket } = service.host;
  await store.put("uploads/a", PHOTO, "image/jpeg");
  await bucket.put("one/b.jpg", PHOTO, "image/jpeg");
  const sha256 = await service.host.platform.sha256(PHOTO);
  const upload = (
    id: string,
    tenant: string,
    state: string,
    blobKey: string | null,
    bucketKey: string | null,
  ) =>
    sql`INSERT INTO uploads (id, tenant, principal, source, state, blob_key, bucket_key, sha256, metadata, created_ms, expires_ms, deleted_ms)
      VALUES (${id}, ${tenant}, 'key_1', 'upload', ${state}, ${blobKey}, ${bucketKey}, ${sha256}, '{}', 0, 1000, 2000)`;
  await database.batch([
    upload("up_a", "one", "stored", "uploads/a", null),
    upload("up_b", "one", "stored", null, "one/b.jpg"),
    upload("up_wait", "one", "waiting", "uploads/wait", null),
    upload("up_gone", "one", "stored", "uploads/gone", null),
    upload("up_two", "two", "stored", "uploads/a", null),
  ]);
  await envelopeOf(await ask({ upload_id: "up_a" }));
  await envelopeOf(await ask({ upload_id: "up_b" }));
  const wait = await readProblem(await ask({ upload_id: "up_wait" }), "not_found"); // prettier-ignore
  assert.match(wait.detail, /PUT/u);
  await readProblem(await ask({ upload_id: "up_gone" }), "expired");
  await readProblem(await ask({ upload_id: "up_two" }), "not_found");
  await readProblem(await ask({ upload_id: "up_none" }), "not_found");
  ms = 1000;
  const late = await readProblem(await ask({ upload_id: "up_a" }), "expired");
  assert.equal(late.errors?.[0]?.pointer, "/image/upload_id");
});

test("takes exactly one way to name a picture", async () => {
  const { ask } = await bench();
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [undefined, "/image", /required/u],
    [null, "/image", /exactly one of/u],
    [[], "/image", /exactly one of/u],
    ["https://a.example/", "/image", /exactly one of/u],
    [{}, "/image", /exactly one of/u],
    [{ media_type: "image/png" }, "/image", /exactly one of/u],
    [{ url: URL_A, base64: "AAAA" }, "/image", /exactly one of/u],
    [{ url: URL_A, upload_id: "up_1" }, "/image", /exactly one of/u],
    [{ feature_id: "ft_1", bucket_key: "a" }, "/image", /exactly one of/u],
    [{ url: URL_A, media_type: "image/png" }, "/image", /media_type/u],
    [{ uri: URL_A }, "/image/uri", /url/u],
    [{ url: URL_A, name: "x" }, "/image/name", /unknown field/u],
    [{ url: 5 }, "/image/url", /address/u],
    [{ url: "" }, "/image/url", /address/u],
    [{ upload_id: null }, "/image/upload_id", /id/u],
    [{ bucket_key: ["a"] }, "/image/bucket_key", /key/u],
    [{ feature_id: "x".repeat(101) }, "/image/feature_id", /feature_id/u],
  ];
  for (const [image, pointer, message] of cases) {
    const problem = await readProblem(await ask(image), "invalid_request");
    assert.equal(problem.errors?.[0]?.pointer, pointer, JSON.stringify(image));
    assert.match(problem.detail, message);
  }
});

test("refuses two pictures in one multipart body", async () => {
  const { service, key } = await bench();
  const twice = new FormData();
  twice.append("image", new Blob([PHOTO]), "a.jpg");
  twice.append("image", new Blob([PHOTO]), "b.jpg");
  twice.append("request", JSON.stringify({ tasks: TASKS }));
  const both = new FormData();
  both.append("image", new Blob([PHOTO]), "a.jpg");
  both.append(
    "request",
    JSON.stringify({ image: { url: URL_A }, tasks: TASKS }),
  );
  for (const body of [twice, both]) {
    const response = await service.ask(key, "/v1/analyze", {
      method: "POST",
      body,
    });
    const { errors } = await readProblem(response, "invalid_request");
    assert.equal(errors?.[0]?.pointer, "/image");
  }
});
