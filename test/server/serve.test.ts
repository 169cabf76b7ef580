// `florence serve` as a process: what it writes, what it counts, how it ends.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request as open, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ADMIN_KEY } from "../contract/http/keyed-target.ts";
import { startNodeTarget } from "./node-target.ts";
import { startServerProcess, type ServerProcess } from "./server-process.ts";

const PHOTO = readFileSync(
  new URL("../../examples/photos/street.jpg", import.meta.url),
);

/** A request whose body is begun and held back, so that it is under way. */
async function beginAnalysis(server: ServerProcess) {
  const outgoing = open(`${server.origin}/v1/analyze?tasks=caption`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", "Content-Length": PHOTO.length },
  });
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  // Asked for at once, so that a cut connection is no unhandled rejection.
  const settled = answered.then(
    async ([incoming]) => {
      const chunks = (await incoming.toArray()) as Uint8Array[];
      const text = Buffer.concat(chunks).toString("utf8");
      return { status: incoming.statusCode, text };
    },
    (error: unknown) => ({ status: null, text: String(error) }),
  );
  outgoing.write(PHOTO.subarray(0, 100));
  await once(outgoing, "socket");
  await underWay(server);
  return { finish: () => outgoing.end(PHOTO.subarray(100)), settled };
}

/** Resolves once the server has seen the request's head: it answers in order. */
async function underWay(server: ServerProcess): Promise<void> {
  const response = await fetch(`${server.origin}/v1/health/live`);
  await response.text();
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setImmediate(resolve));
}

function exitCode(server: ServerProcess): Promise<number | null> {
  const { child } = server;
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return once(child, "exit").then(([code]) => code as number | null);
}

test("ends in an orderly way: refuses what is new, answers what is under way", async (t) => {
  const server = await startServerProcess({ flags: ["--open"] });
  t.after(() => server.close());
  const analysis = await beginAnalysis(server);
  server.child.kill("SIGTERM");
  const ready = () => fetch(`${server.origin}/v1/health/ready`);
  await until(async () => (await ready()).status === 503);
  const refused = await ready();
  assert.ok(Number(refused.headers.get("Retry-After")) > 0);
  const problem = (await refused.json()) as Record<string, unknown>;
  assert.equal(problem["code"], "engine_unavailable");
  const live = await fetch(`${server.origin}/v1/health/live`);
  assert.equal(live.status, 200);

  analysis.finish();
  const { status, text } = await analysis.settled;
  assert.equal(status, 200, text);
  assert.equal(await exitCode(server), 0, server.written().stderr);
});

test("waits no longer than it was told to", async (t) => {
  const flags = ["--open", "--drain-seconds", "1"];
  const server = await startServerProcess({ flags });
  t.after(() => server.close());
  const analysis = await beginAnalysis(server);
  server.child.kill("SIGTERM");
  assert.equal(await exitCode(server), 0, server.written().stderr);
  assert.notEqual((await analysis.settled).status, 200);
});

test("writes a line of JSON for each request, and figures for whoever runs it", async (t) => {
  const target = await startNodeTarget();
  t.after(() => target.close());
  const { server, keys } = target;
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
  const answer = await target.fetch("/v1/analyze?tasks=caption,detect", {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", ...bearer(keys.first) },
    body: PHOTO,
  });
  assert.equal(answer.status, 200, await answer.text());

  assert.equal((await target.fetch("/metrics")).status, 401);
  const headers = bearer(keys.first);
  assert.equal((await target.fetch("/metrics", { headers })).status, 403);
  const metrics = await target.fetch("/metrics", {
    headers: bearer(ADMIN_KEY),
  });
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers.get("Content-Type") ?? "", /^text\/plain/u);
  const figures = await metrics.text();
  for (const line of [
    /^florence_request_seconds_count\{method="POST",route="\/v1\/analyze",status="200"\} 1$/mu,
    /^florence_analyses_total\{engine="container",outcome="completed",code=""\} 1$/mu,
    /^florence_tasks_total\{task="detect"\} 1$/mu,
    /^florence_tokens_total\{kind="output"\} [1-9]/mu,
    /^florence_vision_passes_total 1$/mu,
    /^florence_engine_workers 1$/mu,
    /^florence_engine_requests\{state="waiting"\} 0$/mu,
    /^process_resident_memory_bytes \d/mu,
  ]) {
    assert.match(figures, line);
  }

  await server.end();
  const { stdout } = server.written();
  assert.ok(!stdout.includes(ADMIN_KEY) && !stdout.includes(keys.first));
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const line = lines.find(({ route }) => route === "/v1/analyze");
  assert.equal(line?.["status"], 200);
  assert.equal(line["tenant"], "first");
  assert.equal(line["request_id"], answer.headers.get("X-Request-Id"));
  const [analysis] = line["analyses"] as readonly Record<string, unknown>[];
  assert.deepEqual(analysis?.["tasks"], ["caption", "detect"]);
  assert.equal(analysis["image_bytes"], PHOTO.length);
});

test("finds its keys again in its data folder, and keeps its secret to itself", async (t) => {
  const dataFolder = await mkdtemp(join(tmpdir(), "florence-"));
  t.after(() => rm(dataFolder, { recursive: true, force: true }));
  const first = await startNodeTarget({ dataFolder });
  await first.close();
  const again = await startNodeTarget({ dataFolder });
  t.after(() => again.close());
  const response = await again.fetch("/v1/tasks", {
    headers: { Authorization: `Bearer ${first.keys.first}` },
  });
  assert.equal(response.status, 200, await response.text());
  assert.equal(statSync(join(dataFolder, "secret")).mode & 0o777, 0o600);
});

test("says at the start what is wrong, and ends", async (t) => {
  const dataFolder = await mkdtemp(join(tmpdir(), "florence-"));
  t.after(() => rm(dataFolder, { recursive: true, force: true }));
  const serve = (
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) => {
    const florence = new URL("../../src/cli/florence.js", import.meta.url);
    const usual = ["serve", "--port", "0", "--data", dataFolder];
    const { status, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(florence), ...usual, ...flags],
      { env: { ...process.env, ...env }, encoding: "utf8", timeout: 60_000 },
    );
    return { status, stderr };
  };
  const bundle = serve(["--model", join(dataFolder, "nothing")]);
  assert.equal(bundle.status, 5);
  assert.match(bundle.stderr, /no readable manifest\.json/u);
  const open = serve(["--open", "--host", "0.0.0.0"]);
  assert.equal(open.status, 2);
  assert.match(open.stderr, /lets everybody in/u);
  const setting = serve([], {
    FLORENCE_URL: "http://127.0.0.1",
    FLORENCE_KEY: "a client's, not ours",
    FLORENCE_RATE_PER_MINUT: "5",
  });
  assert.equal(setting.status, 2);
  assert.match(setting.stderr, /Did you mean FLORENCE_RATE_PER_MINUTE/u);
  const device = serve(["--device", "cuda"]);
  if (device.stderr.includes("listening")) {
    t.diagnostic("this machine has CUDA: its absence cannot be shown");
    return;
  }
  assert.equal(device.status, 5);
  assert.match(
    device.stderr,
    /ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules\/onnxruntime-node/u,
  );
});
