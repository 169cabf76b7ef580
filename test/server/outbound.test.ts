import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import tls from "node:tls";
import { gzipSync } from "node:zlib";
import { fetchUntrusted } from "../../src/http/outbound/fetch-untrusted.ts";
import { NODE_OUTBOUND } from "../../src/server/outbound.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";

/** A real server on this machine; the tests of a redirect count its requests. */
const seen: http.IncomingMessage[] = [];
const server = http.createServer((request, response) => {
  seen.push(request);
  const { pathname } = new URL(request.url!, "http://localhost");
  if (pathname === "/redirect") {
    response.writeHead(302, { Location: "/aim" }).end();
  } else if (pathname === "/empty") {
    response.writeHead(204).end();
  } else if (pathname === "/gzip") {
    response.setHeader("Content-Encoding", "gzip");
    response.end(gzipSync("hello"));
  } else if (pathname === "/endless") {
    const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
    response.on("close", () => {
      clearInterval(timer);
      gone.resolve(null);
    });
  } else if (pathname === "/silent") {
    request.on("close", () => {
      gone.resolve(null);
    });
  } else {
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    request.pipe(response);
  }
});
let gone = Promise.withResolvers<unknown>();
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
after(() => {
  server.closeAllConnections();
  server.close();
});

const host = {
  outbound: NODE_OUTBOUND,
  config: { address_exemptions: [`127.0.0.1:${port}`] },
};
const here = `http://127.0.0.1:${port}`;
const LIMITS = { timeoutMs: 10_000, maxBytes: 100_000 };

test("connects to the given address, whatever the name, and keeps the name in Host", async () => {
  const request = new Request(`http://no-such-name.example:${port}/a?b`, {
    method: "POST",
    body: "hello",
    headers: { "X-A": "c" },
  });
  const response = await NODE_OUTBOUND.fetch(request, ["127.0.0.1"]);
  assert.equal(await response.text(), "hello");
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  const last = seen.at(-1)!;
  assert.equal(last.headers.host, `no-such-name.example:${port}`);
  assert.equal(last.headers["x-a"], "c");
  assert.equal(last.headers["content-length"], "5");
  assert.equal(last.url, "/a?b");
});

test("does not look a name up when addresses are given", async () => {
  const request = new Request(`http://localhost:${port}/`);
  // Nobody listens there; the name itself would lead to the server.
  await assert.rejects(NODE_OUTBOUND.fetch(request, ["127.0.0.2"]));
  await assert.rejects(NODE_OUTBOUND.fetch(request, []));
});

test("asks for the name's certificate, not the address's", async () => {
  const names: string[] = [];
  const secure = tls.createServer({
    SNICallback: (name, done) => {
      names.push(name);
      done(new Error("no certificate"));
    },
  });
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  const { port: securePort } = secure.address() as AddressInfo;
  const request = new Request(`https://photos.example:${securePort}/`);
  await assert.rejects(NODE_OUTBOUND.fetch(request, ["127.0.0.1"]));
  assert.deepEqual(names, ["photos.example"]);
  secure.close();
});

test("follows no redirect by itself", async () => {
  const response = await NODE_OUTBOUND.fetch(new Request(`${here}/redirect`));
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("Location"), "/aim");
  const answer = await fetchUntrusted(host, `${here}/redirect`, LIMITS);
  assert.equal(answer.finalUrl, `${here}/aim`);
});

test("takes answers without a body", async () => {
  const response = await NODE_OUTBOUND.fetch(new Request(`${here}/empty`));
  assert.deepEqual([response.status, await response.text()], [204, ""]);
});

test("finds addresses of a name, and says so where there are none", async () => {
  const addresses = await NODE_OUTBOUND.resolve!("localhost");
  assert.ok(addresses.includes("127.0.0.1") || addresses.includes("::1"));
  await assert.rejects(NODE_OUTBOUND.resolve!("no-such-name.invalid"));
});

test("refuses a name of this machine's own that leads back to it", async () => {
  const rebound = {
    outbound: { ...NODE_OUTBOUND, resolve: () => Promise.resolve(["127.0.0.1"]) }, // prettier-ignore
    config: { address_exemptions: [] },
  };
  const before = seen.length;
  await assert.rejects(
    fetchUntrusted(rebound, "http://rebind.example:8080/", LIMITS),
    (error) => isFlorenceError(error) && error.code === "url_forbidden",
  );
  assert.equal(seen.length, before);
});

test("leaves compressed bodies as they are, and they are refused", async () => {
  const response = await NODE_OUTBOUND.fetch(new Request(`${here}/gzip`));
  assert.equal(response.headers.get("Content-Encoding"), "gzip");
  await response.body?.cancel();
  await assert.rejects(
    fetchUntrusted(host, `${here}/gzip`, LIMITS),
    /compressed/u,
  );
});

test("hangs up on a body that goes beyond the limit", async () => {
  gone = Promise.withResolvers<unknown>();
  const { bytes } = await fetchUntrusted(host, `${here}/endless`, LIMITS);
  assert.equal(bytes.length, LIMITS.maxBytes);
  await gone.promise;
});

test("hangs up when its caller is gone", async () => {
  gone = Promise.withResolvers<unknown>();
  const controller = new AbortController();
  const work = fetchUntrusted(host, `${here}/silent`, {
    ...LIMITS,
    signal: controller.signal,
  });
  const before = seen.length;
  server.once("request", () => {
    controller.abort();
  });
  await assert.rejects(work, /aborted/u);
  await gone.promise;
  assert.equal(seen.length, before + 1);
});
