import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  fetchUntrusted,
  type UntrustedHost,
  type UntrustedRequest,
} from "../../src/http/outbound/fetch-untrusted.ts";
import {
  FlorenceError,
  isFlorenceError,
  type ErrorCode,
} from "../../src/shared/errors.ts";

const URL_A = "https://a.example/photo.jpg";
const LIMITS: UntrustedRequest = { timeoutMs: 5000, maxBytes: 1000 };

test("gives status, headers, bytes and where they came from", async () => {
  const { host, requests } = answering(() =>
    Promise.resolve(
      new Response("hello", { status: 418, headers: { "X-A": "b" } }),
    ),
  );
  const answer = await fetchUntrusted(host, URL_A, {
    ...LIMITS,
    headers: { Accept: "image/*" },
  });
  assert.equal(answer.status, 418);
  assert.equal(answer.headers.get("X-A"), "b");
  assert.equal(new TextDecoder().decode(answer.bytes), "hello");
  assert.equal(answer.finalUrl, URL_A);
  const [request] = requests;
  assert.equal(request?.headers.get("Accept"), "image/*");
  assert.equal(request.headers.get("Accept-Encoding"), "identity");
  assert.equal(request.redirect, "manual");
});

test("posts a body", async () => {
  const { host, requests } = answering(() => Promise.resolve(new Response()));
  await fetchUntrusted(host, URL_A, { ...LIMITS, method: "POST", body: "{}" });
  assert.equal(requests[0]?.method, "POST");
  assert.equal(await requests[0].text(), "{}");
});

test("follows three redirects, relative ones too, and no fourth", async () => {
  const { host, requests } = answering(({ url }) => {
    const step = Number(new URL(url).searchParams.get("step") ?? 0);
    return Promise.resolve(
      step === 3 && url.includes("short")
        ? new Response("here")
        : redirect(`?step=${step + 1}`),
    );
  });
  const { finalUrl } = await fetchUntrusted(host, "https://short.example/a", LIMITS); // prettier-ignore
  assert.equal(finalUrl, "https://short.example/a?step=3");
  assert.equal(requests.length, 4);
  await rejects("url_fetch_failed", /more than 3 times/u, host, LIMITS);
  assert.equal(requests.length, 8);
});

test("takes credentials along within an origin and never beyond", async () => {
  const aims = ["https://a.example/2", "https://b.example/", "https://b.example/2"]; // prettier-ignore
  const { host, requests } = answering(() => {
    const aim = aims.shift();
    return Promise.resolve(aim === undefined ? new Response() : redirect(aim));
  });
  const headers = { Authorization: "Bearer x", Cookie: "y=1", Accept: "*/*" };
  await fetchUntrusted(host, URL_A, { ...LIMITS, headers });
  assert.deepEqual(
    requests.map((request) => request.headers.has("Authorization")),
    [true, true, false, false],
  );
  assert.equal(requests[2]?.headers.has("Cookie"), false);
  assert.equal(requests[3]?.headers.get("Accept"), "*/*");
});

test("gives a redirect back as it is where none is to be followed", async () => {
  const { host, requests } = answering(() =>
    Promise.resolve(redirect("http://127.0.0.1/")),
  );
  const asked: readonly Partial<UntrustedRequest>[] = [
    { redirects: 0 },
    { method: "POST", body: "{}" },
  ];
  for (const one of asked) {
    const { status } = await fetchUntrusted(host, URL_A, { ...LIMITS, ...one });
    assert.equal(status, 302);
  }
  assert.equal(requests.length, 2);
});

test("refuses a redirect that says not where to", async () => {
  for (const headers of [{}, { Location: "http://[::1" }]) {
    const { host } = answering(() =>
      Promise.resolve(new Response(null, { status: 302, headers })),
    );
    await rejects("url_fetch_failed", /without saying where/u, host, LIMITS);
  }
});

test("cuts a body of any length at the limit, and takes no more of it", async () => {
  const { host, sent } = endless();
  const answer = await fetchUntrusted(host, URL_A, LIMITS);
  assert.equal(answer.bytes.length, 1000);
  assert.ok(sent.bytes <= 1500, `${sent.bytes} bytes were taken`);
  assert.ok(sent.isCancelled);
});

test("refuses a body beyond the limit where it may not be cut", async () => {
  const stated: (number | null)[] = [];
  const tooLarge = (bytes: number | null): FlorenceError => {
    stated.push(bytes);
    return new FlorenceError("image_too_large", "Too large.");
  };
  const { host, sent } = endless();
  await rejects("image_too_large", /./u, host, { ...LIMITS, tooLarge });
  assert.ok(sent.bytes <= 1500 && sent.isCancelled);
  const { host: honest } = answering(() =>
    Promise.resolve(
      new Response("x", { headers: { "Content-Length": "100000000" } }),
    ),
  );
  await rejects("image_too_large", /./u, honest, { ...LIMITS, tooLarge });
  assert.deepEqual(stated, [null, 100_000_000]);
});

test("takes a body of exactly the limit", async () => {
  const { host } = answering(() =>
    Promise.resolve(new Response("x".repeat(1000))),
  );
  const { bytes } = await fetchUntrusted(host, URL_A, {
    ...LIMITS,
    tooLarge: () => new Error("refused"),
  });
  assert.equal(bytes.length, 1000);
});

test("refuses a compressed body: small as it comes, it may grow without end", async () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  const { host } = answering(() =>
    Promise.resolve(
      new Response(bomb, { headers: { "Content-Encoding": "gzip" } }),
    ),
  );
  await rejects("url_fetch_failed", /compressed \(gzip\)/u, host, LIMITS);
});

test("waits no longer than it is told, for headers or for a body", async () => {
  const never = new Promise<Response>(() => undefined);
  const stalled = () =>
    new Response(
      new ReadableStream({ pull: () => never.then(() => undefined) }),
    );
  for (const answer of [() => never, () => Promise.resolve(stalled())]) {
    const { host } = answering(answer);
    const short = { ...LIMITS, timeoutMs: 10 };
    await rejects("url_fetch_failed", /more than 0.01 s/u, host, short);
  }
});

test("waits no longer for a name to be looked up", async () => {
  const { host } = answering(() => Promise.resolve(new Response()));
  const resolve = () => new Promise<string[]>(() => undefined);
  const slow = { ...host, outbound: { ...host.outbound, resolve } };
  const short = { ...LIMITS, timeoutMs: 10 };
  await rejects("url_fetch_failed", /more than 0.01 s/u, slow, short);
});

test("stops at once when its caller is gone, and gives the connection up", async () => {
  const controller = new AbortController();
  let given: AbortSignal | undefined;
  const { host } = answering(({ signal }) => {
    given = signal;
    queueMicrotask(() => {
      controller.abort();
    });
    return new Promise(() => undefined);
  });
  const aborted = { ...LIMITS, signal: controller.signal };
  await rejects("deadline_exceeded", /aborted/u, host, aborted);
  assert.equal(given?.aborted, true);
  await rejects("deadline_exceeded", /aborted/u, host, aborted);
});

test("tells a broken connection, an unknown name and a broken body apart", async () => {
  const down = answering(() => Promise.reject(new Error("ECONNREFUSED")));
  await rejects("url_fetch_failed", /cannot be connected/u, down.host, LIMITS);

  const unknown = answering(() => Promise.resolve(new Response()), []);
  await rejects("url_fetch_failed", /not known/u, unknown.host, LIMITS);

  const broken = answering(() =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          pull: (stream) => {
            stream.error(new Error("ECONNRESET"));
          },
        }),
      ),
    ),
  );
  await rejects("url_fetch_failed", /breaks off/u, broken.host, LIMITS);
});

/** A host on which every request is answered by `answer`. */
function answering(
  answer: (request: Request) => Promise<Response>,
  addresses: readonly string[] = ["8.8.8.8"],
): { readonly host: UntrustedHost; readonly requests: Request[] } {
  const requests: Request[] = [];
  const host: UntrustedHost = {
    config: { address_exemptions: [] },
    outbound: {
      fetch: (request) => {
        requests.push(request);
        return answer(request);
      },
      resolve: () => Promise.resolve(addresses),
    },
  };
  return { host, requests };
}

/** A host that sends 500 bytes at a time for as long as somebody reads. */
function endless() {
  const sent = { bytes: 0, isCancelled: false };
  const { host } = answering(() =>
    Promise.resolve(
      new Response(
        new ReadableStream(
          {
            pull(stream) {
              sent.bytes += 500;
              stream.enqueue(new Uint8Array(500));
            },
            cancel() {
              sent.isCancelled = true;
            },
          },
          { highWaterMark: 0 },
        ),
      ),
    ),
  );
  return { host, sent };
}

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { Location: location } });
}

async function rejects(
  code: ErrorCode,
  message: RegExp,
  host: UntrustedHost,
  request: UntrustedRequest,
): Promise<void> {
  await assert.rejects(fetchUntrusted(host, URL_A, request), (error) => {
    assert.ok(isFlorenceError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
