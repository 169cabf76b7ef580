import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { clientTypes } from "../../../packages/client/client-types.ts";
import {
  createClient,
  FlorenceApiError,
  type AnalysisEvent,
} from "../../../packages/client/src/index.ts";
import { PHOTO } from "../../http/bad-images.ts";
import { startLoopbackService } from "../../http/loopback-service.ts";

const FOLDER = new URL("../../../packages/client/", import.meta.url);
const service = await startLoopbackService();
const florence = createClient({
  baseUrl: `${service.origin}/`,
  apiKey: service.keys.first,
});
after(() => service.close());

const BASE64 = Buffer.from(PHOTO).toString("base64");

test("has the types of the service's schemas", async () => {
  const kept = readFileSync(new URL("src/schemas.ts", FOLDER), "utf8");
  assert.equal(
    kept,
    await clientTypes(),
    "run: node packages/client/make-types.ts",
  );
});

test("analyzes bytes, a blob and base64", async () => {
  for (const image of [PHOTO, new Blob([PHOTO]), { base64: BASE64 }]) {
    const { status, results } = await florence.analyze({
      image,
      tasks: [{ task: "caption" }, { task: "detect", id: "d" }],
      metadata: { order: "A-17" },
    });
    assert.equal(status, "completed");
    const [caption, detect] = results;
    assert.ok(caption?.status === "ok" && "text" in caption);
    assert.equal(caption.text, "a green boat");
    assert.equal(detect?.id, "d");
  }
});

test("asks one task by its spelling", async () => {
  const { results } = await florence.task("ocr:lines", { image: PHOTO });
  assert.ok(results[0] !== undefined && "lines" in results[0]);
  const ground = await florence.task("ground", {
    image: PHOTO,
    phrase: "a boat",
  });
  assert.equal(ground.results[0]?.task, "ground");
});

test("tells of an analysis as it is made", async () => {
  const events: AnalysisEvent[] = [];
  for await (const event of florence.stream({
    image: PHOTO,
    tasks: [{ task: "detect" }],
  })) {
    events.push(event);
  }
  const names = events.map(({ event }) => event);
  assert.equal(names[0], "started");
  assert.ok(names.indexOf("object") < names.indexOf("result"));
  assert.equal(names.at(-1), "done");
});

test("throws a problem that comes within a stream", async () => {
  const broken = await startLoopbackService({
    onEncode: () => Promise.reject(new Error("internal: broken")),
  });
  const client = createClient({
    baseUrl: broken.origin,
    apiKey: broken.keys.first,
  });
  await assert.rejects(
    async () => {
      for await (const { event } of client.stream({
        image: PHOTO,
        tasks: [{ task: "caption" }],
      })) {
        assert.equal(event, "started");
      }
    },
    (error) => error instanceof FlorenceApiError && error.code === "internal",
  );
  await broken.close();
});

test("ends the work when its reader leaves the stream", async () => {
  const aborted = Promise.withResolvers<undefined>();
  const slow = await startLoopbackService({
    onEncode: (signal) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          aborted.resolve(undefined);
          reject(new Error("aborted"));
        });
      }),
  });
  const client = createClient({
    baseUrl: slow.origin,
    apiKey: slow.keys.first,
  });
  const request = { image: PHOTO, tasks: [{ task: "caption" }] } as const;
  for await (const { event } of client.stream(request)) {
    if (event === "started") break;
  }
  await aborted.promise;
  await slow.close();
});

test("gives problems as errors with code, pointer and request id", async () => {
  const refused = florence.task("detect_open", { image: PHOTO });
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof FlorenceApiError);
    assert.equal(error.code, "missing_task_input");
    assert.equal(error.status, 422);
    assert.equal(error.retryable, false);
    assert.equal(error.problem?.errors?.[0]?.pointer, "/labels");
    assert.match(error.requestId ?? "", /^req_/u);
    return true;
  });
  const nobody = createClient({ baseUrl: service.origin, apiKey: "wrong" });
  await assert.rejects(nobody.list("models"), { code: "unauthenticated" });
});

test("tries again when the service says it may do later", async () => {
  let calls = 0;
  const client = createClient({
    baseUrl: service.origin,
    apiKey: service.keys.first,
    fetch: async (input, init) => {
      calls += 1;
      if (calls === 1) return unavailable("0");
      if (calls === 2) throw new TypeError("the connection broke");
      return await fetch(input, init);
    },
    maxRetrySeconds: 0.001,
  });
  const { status } = await client.task("caption", { image: PHOTO });
  assert.equal(status, "completed");
  assert.equal(calls, 3);
});

test("gives up after the tries it has, and at once on other errors", async () => {
  let calls = 0;
  const client = createClient({
    baseUrl: service.origin,
    fetch: () => {
      calls += 1;
      return Promise.resolve(unavailable("7"));
    },
    maxRetries: 2,
    maxRetrySeconds: 0,
  });
  await assert.rejects(client.list("tasks"), (error) => {
    assert.ok(error instanceof FlorenceApiError);
    assert.equal(error.code, "warming_up");
    assert.equal(error.retryAfter, 7);
    return true;
  });
  assert.equal(calls, 3);
  const proxy = createClient({
    baseUrl: service.origin,
    fetch: () => {
      calls += 1;
      return Promise.resolve(new Response("<html>", { status: 404 }));
    },
  });
  await assert.rejects(proxy.list("tasks"), { code: "unknown", status: 404 });
  assert.equal(calls, 4);
});

test("makes a job, waits for it, and follows it again from its middle", async () => {
  const job = await florence.jobs.create({
    image: PHOTO,
    tasks: [{ task: "caption" }],
  });
  const done = await florence.jobs.wait(job.id);
  assert.equal(done.status, "completed");
  assert.equal(done.results[0]?.analysis?.results[0]?.status, "ok");
  const events = [];
  for await (const event of florence.jobs.events(job.id)) events.push(event);
  assert.equal(events.at(-1)?.event, "done");
  const rest = [];
  const lastEventId = events[0]!.id;
  for await (const event of florence.jobs.events(job.id, { lastEventId })) {
    rest.push(event);
  }
  assert.deepEqual(rest, events.slice(1));
  await assert.rejects(florence.jobs.cancel(job.id), {
    code: "job_not_cancellable",
  });
});

test("makes a job once under one key", async () => {
  const request = { image: { base64: BASE64 }, tasks: [{ task: "detect" }] };
  const options = { idempotencyKey: "once" };
  const first = await florence.jobs.create(request as never, options);
  const again = await florence.jobs.create(request as never, options);
  assert.equal(again.id, first.id);
});

test("asks the same of several pictures", async () => {
  const batch = await florence.batch({
    images: [{ base64: BASE64 }, { base64: "AAAA" }],
    tasks: [{ task: "caption" }],
  });
  assert.equal(batch.object, "batch");
  assert.deepEqual(
    batch.results.map(({ status }) => status),
    ["completed", "failed"],
  );
});

test("sends a picture ahead, and asks of it later", async () => {
  const presigned = await florence.uploads.create({
    media_type: "image/jpeg",
    bytes: PHOTO.length,
    tasks: [{ task: "detect" }],
  });
  // The address is that of the service's configuration, not of this test.
  const path = presigned.url.slice(presigned.url.indexOf("/v1/"));
  const here = { ...presigned, url: service.origin + path };
  const put = await florence.uploads.put(here, PHOTO);
  assert.equal(put.status, "stored");
  const upload = await florence.uploads.wait(presigned.upload_id);
  assert.equal(upload.bytes, PHOTO.length);
  const job = await florence.jobs.wait(upload.job_id!);
  assert.equal(job.status, "completed");
  const { upload_id } = presigned;
  const later = await florence.task("caption", { image: { upload_id } });
  assert.equal(later.status, "completed");
  const forged = {
    ...here,
    url: here.url.replace(/signature=./u, "signature=_"),
  };
  await assert.rejects(florence.uploads.put(forged, PHOTO), {
    code: "signature_invalid",
  });
});

test("registers, lists, rotates and removes an endpoint", async () => {
  const endpoint = await florence.webhooks.create({
    url: "https://receiver.example/hook",
    events: ["analysis.completed"],
  });
  assert.match(endpoint.secret, /^whsec_/u);
  const listed = await florence.webhooks.list();
  assert.deepEqual(
    listed.map(({ id }) => id),
    [endpoint.id],
  );
  const rotated = await florence.webhooks.rotate(endpoint.id);
  assert.notEqual(rotated.secret, endpoint.secret);
  const { data } = await florence.webhooks.deliveries(endpoint.id, {
    status: "dead",
  });
  assert.deepEqual(data, []);
  await florence.webhooks.delete(endpoint.id);
  await assert.rejects(florence.webhooks.get(endpoint.id), {
    code: "not_found",
  });
});

test("lists tasks, models and engines", async () => {
  assert.equal((await florence.list("tasks")).length, 15);
  assert.equal((await florence.list("models"))[0]?.["id"], "fake");
  assert.equal((await florence.list("engines"))[0]?.["engine"], "edge");
});

test("works as it is packed, on its own", () => {
  const folder = mkdtempSync(join(tmpdir(), "florence-client-"));
  const run = (command: string, args: readonly string[], cwd: string): string =>
    execFileSync(command, args, { cwd, encoding: "utf8" });
  const packed = JSON.parse(
    run(
      "npm",
      ["pack", "--json", "--silent", "--pack-destination", folder],
      fileURLToPath(FOLDER),
    ),
  ) as [{ filename: string; files: { path: string }[] }];
  const paths = packed[0].files.map(({ path }) => path);
  assert.ok(paths.includes("README.md"), paths.join(" "));
  assert.ok(paths.includes("dist/index.js"));
  assert.ok(paths.includes("dist/index.d.ts"));
  assert.ok(paths.every((path) => !path.startsWith("src/")));
  run("tar", ["xzf", packed[0].filename], folder);
  writeFileSync(
    join(folder, "use.mjs"),
    'import { createClient } from "./package/dist/index.js";\nconsole.log(typeof createClient({ baseUrl: "http://localhost" }).analyze);\n',
  );
  assert.equal(run(process.execPath, ["use.mjs"], folder), "function\n");

  // Its types hold on their own, too.
  writeFileSync(
    join(folder, "use.ts"),
    `import { createClient, type Analysis } from "./package/dist/index.js";
const florence = createClient({ baseUrl: "http://localhost" });
export const answer: Promise<Analysis> = florence.task("ocr:lines", { image: new Blob([]) });
// @ts-expect-error there is no such task
export const wrong = florence.task("paint", { image: new Blob([]) });
`,
  );
  const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
  const options =
    "--noEmit --strict --module nodenext --target es2022 --lib es2022,dom,dom.iterable,dom.asynciterable";
  run(process.execPath, [tsc, ...options.split(" "), "use.ts"], folder);
});

function unavailable(retryAfter: string): Response {
  const problem = {
    type: "about:blank",
    title: "Warming up",
    status: 503,
    detail: "Wait.",
    code: "warming_up",
    retryable: true,
  };
  return new Response(JSON.stringify(problem), {
    status: 503,
    headers: { "Retry-After": retryAfter },
  });
}
