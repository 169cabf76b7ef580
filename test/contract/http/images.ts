// Pictures named by address, and what must never be fetched.

import assert from "node:assert/strict";
import { FORBIDDEN_ADDRESSES } from "../../http/ssrf-addresses.ts";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { openImageServer, PHOTO } from "./image-server.ts";

const TASKS = [{ task: "caption" }];

export const CASES: readonly HttpCase[] = [
  {
    name: "fetches a picture by its address, and believes its bytes alone",
    async run(target) {
      await using server = await openImageServer();
      const response = await ask(target, { url: `${server.origin}/photo.jpg` });
      const { image, timings_ms: timings } = await readJson(response, 200);
      assert.equal(image.media_type, "image/jpeg");
      assert.equal(typeof timings.fetch, "number");
      const [request] = server.requests;
      assert.equal(request?.headers.authorization, undefined);
      const page = await ask(target, { url: `${server.origin}/page.jpg` });
      await refused(page, 415, "unsupported_media_type");
    },
  },
  {
    name: "refuses every forbidden address",
    async run(target) {
      const addresses = Object.values(FORBIDDEN_ADDRESSES)
        .flat()
        .filter((url) => url.length <= 4096 && !isExempt(url));
      assert.ok(addresses.length >= 200, `${addresses.length}`);
      for (const url of addresses) {
        const response = await ask(target, { url });
        await refused(response, 403, "url_forbidden", url);
      }
    },
  },
  {
    name: "follows redirects by hand, and none into a private network",
    async run(target) {
      await using server = await openImageServer();
      const redirect = (to: string) => ({
        url: `${server.origin}/redirect?to=${encodeURIComponent(to)}`,
      });
      const followed = await ask(target, redirect("/photo.jpg"));
      await readJson(followed, 200);
      for (const to of PRIVATE) {
        const response = await ask(target, redirect(to));
        await refused(response, 403, "url_forbidden", to);
      }
      const loop = await ask(target, { url: `${server.origin}/loop` });
      await refused(loop, 422, "url_fetch_failed");
      const hops = server.requests.filter(({ url }) => url === "/loop");
      assert.equal(hops.length, 4);
    },
  },
  {
    name: "cuts an endless answer at the limit, and hangs up",
    async run(target) {
      await using server = await openImageServer();
      const response = await ask(target, { url: `${server.origin}/endless` });
      await refused(response, 413, "image_too_large");
      await server.hungUp;
      // 20 MB, and what it was sent while it hung up.
      assert.ok(server.sentBytes() < 40_000_000, `${server.sentBytes()}`);
    },
  },
  {
    name: "unpacks no bomb",
    async run(target) {
      await using server = await openImageServer();
      const response = await ask(target, { url: `${server.origin}/bomb` });
      // Node refuses what is compressed; in workerd it comes unpacked and is cut.
      if (target.host === "node") {
        await refused(response, 422, "url_fetch_failed");
      } else await refused(response, 413, "image_too_large");
    },
  },
  {
    name: "says what an address answers when that is no picture",
    async run(target) {
      await using server = await openImageServer();
      const response = await ask(target, { url: `${server.origin}/none.jpg` });
      const { detail } = await refused(response, 422, "url_fetch_failed");
      assert.match(detail, /404/u);
    },
  },
  {
    name: "gives a fetch up when its client is gone, and answers the next",
    async run(target) {
      await using server = await openImageServer();
      const gone = new AbortController();
      const url = `${server.origin}/silent`;
      const asked = ask(target, { url }, { signal: gone.signal });
      const ended = assert.rejects(asked);
      await server.askedSilent;
      gone.abort();
      await ended;
      // On workerd ten seconds later: wrangler's proxy tells a Worker nothing of
      // a client that left, and the fetch ends by its own time.
      await server.hungUp;
      const next = await ask(target, { url: `${server.origin}/photo.jpg` });
      await readJson(next, 200);
    },
  },
  {
    name: "gives a fetch up at its deadline",
    async run(target) {
      await using server = await openImageServer();
      const image = { url: `${server.origin}/silent` };
      const headers = { "Deadline-Ms": "200" };
      const response = await ask(target, image, { headers });
      await refused(response, 504, "deadline_exceeded");
      await server.hungUp;
    },
  },
  {
    name: "takes exactly one picture",
    async run(target) {
      const url = "https://example.com/a.jpg";
      for (const image of [{}, { url, upload_id: "up_1" }, [], null]) {
        await refused(await ask(target, image), 422, "invalid_request");
      }
      const body = new FormData();
      body.append("image", new Blob([PHOTO]), "a.jpg");
      body.append("image", new Blob([PHOTO]), "b.jpg");
      body.append("request", JSON.stringify({ tasks: TASKS }));
      const response = await target.fetch("/v1/analyze", {
        method: "POST",
        headers: { Authorization: `Bearer ${target.keys.first}` },
        body,
      });
      await refused(response, 422, "invalid_request");
    },
  },
  {
    name: "shows a tenant nothing of the bucket but its own part",
    async run(target) {
      for (const key of ["second/a.jpg", "first/../second/a.jpg", "a.jpg"]) {
        const response = await ask(target, { bucket_key: key });
        await refused(response, 404, "not_found", key);
      }
    },
  },
];

const PRIVATE = [
  "http://10.0.0.1/",
  "http://169.254.169.254/latest/meta-data/",
  "http://[::ffff:10.0.0.1]/",
  "http://[64:ff9b::a00:1]/",
  "http://2886729729/",
  "http://0/",
  "http://metadata.google.internal/",
  "ftp://example.com/",
  "http://example.com:22/",
  "http://user@example.com/",
];

/** The targets let these hosts pass. */
function isExempt(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname, protocol, username, password } = new URL(address);
  const isPlain = protocol.startsWith("http") && username + password === "";
  return isPlain && ["127.0.0.1", "localhost"].includes(hostname);
}

async function ask(
  target: HttpTarget,
  image: unknown,
  { headers, ...init }: RequestInit = {},
): Promise<Response> {
  return await target.fetch("/v1/analyze", {
    method: "POST",
    ...init,
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      "Content-Type": "application/json",
      ...(headers as Record<string, string> | undefined),
    },
    // Nothing that was kept: each case fetches and sees for itself.
    body: JSON.stringify({ image, tasks: TASKS, options: { cache: "off" } }),
  });
}

interface Answer {
  readonly image: { readonly media_type: string };
  readonly timings_ms: { readonly fetch?: number };
}

async function readJson(response: Response, status: number): Promise<Answer> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as Answer;
}

async function refused(
  response: Response,
  status: number,
  code: string,
  what?: string,
): Promise<{ readonly detail: string }> {
  const text = await response.text();
  const about = what === undefined ? text : `${what}: ${text}`;
  assert.equal(response.status, status, about);
  const problem = JSON.parse(text) as { code: string; detail: string };
  assert.equal(problem.code, code, about);
  return problem;
}
