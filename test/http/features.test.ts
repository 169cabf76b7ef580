// What is kept of a picture, and when it is used again. Long: memory, store and
// rows each fail in ways of their own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createByteCache } from "../../src/http/features/byte-cache.ts";
import { createFeatureCache } from "../../src/http/features/feature-cache.ts";
import {
  decodeSeenImage,
  encodeSeenImage,
} from "../../src/http/features/seen-image-bytes.ts";
import { mergeSights, seesMore } from "../../src/http/features/merge-sights.ts";
import { sql, type Row } from "../../src/http/ports/database.ts";
import { createCheckedService } from "./checked-service.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { freeMemory } from "../../src/shared/free-memory.ts";
import type { SeenImage } from "../../src/shared/analyze/seen-image.ts";
import type { Envelope } from "../../src/shared/schema/analysis.ts";
import { createFakeHost, type FakeHostOptions } from "../fakes/fake-host.ts";
import { PHOTO, PHOTO_PNG } from "./bad-images.ts";
import { createKeyedService, postJson } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

const { sha256 } = NODE_PLATFORM;
const BASE64 = Buffer.from(PHOTO).toString("base64");
const BYTES = { image: { base64: BASE64 }, tasks: [{ task: "caption" }] };
const DAY_MS = 86_400_000;

interface Bench {
  readonly clock: { ms: number };
  readonly passes: () => number;
  readonly told: unknown[];
  readonly service: Awaited<ReturnType<typeof createKeyedService>>;
  /** Asks as tenant `one`. */
  readonly ask: (body: unknown) => Promise<Envelope>;
  /** The same storage behind a service whose memory is empty. */
  readonly restarted: () => (body: unknown) => Promise<Response>;
  readonly key: string;
}

async function bench(options: FakeHostOptions = {}): Promise<Bench> {
  const clock = { ms: 0 };
  const told: unknown[] = [];
  let passes = 0;
  const service = await createKeyedService({
    now: () => clock.ms,
    onEncode: () => {
      passes += 1;
      return Promise.resolve();
    },
    onFailure: (error) => told.push(error),
    ...options,
  });
  const { secret: key } = await service.makeKey();
  return {
    clock,
    told,
    service,
    key,
    passes: () => passes,
    ask: async (body) =>
      await envelopeOf(await service.ask(key, "/v1/analyze", postJson(body))),
    restarted: () => {
      const { app } = createCheckedService(service.host);
      const headers = { Authorization: `Bearer ${key}` };
      return async (body) =>
        await app.request("/v1/analyze", postJson(body, headers));
    },
  };
}

async function envelopeOf(
  answering: Response | Promise<Response>,
): Promise<Envelope> {
  const response = await answering;
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Envelope;
}

function named(featureId: string | undefined, more: object = {}) {
  return {
    image: { feature_id: featureId },
    tasks: [{ task: "caption" }],
    ...more,
  };
}

test("asks the same picture twice and sees it once", async () => {
  const { ask, passes } = await bench();
  const first = await ask(BYTES);
  const second = await ask({ ...BYTES, tasks: [{ task: "detect" }] });
  assert.equal(first.usage.vision_passes, 1);
  assert.equal(second.usage.vision_passes, 0);
  assert.equal(second.timings_ms.vision, 0);
  assert.equal(passes(), 1);
  assert.match(first.image.feature_id ?? "", /^ft_[0-9a-f]{32}$/u);
  assert.equal(second.image.feature_id, first.image.feature_id);
  assert.equal(second.image.sha256, first.image.sha256);
});

test("answers a feature_id without a picture, as with it", async () => {
  const { ask, passes } = await bench();
  const first = await ask(BYTES);
  const second = await ask(named(first.image.feature_id));
  assert.equal(second.usage.vision_passes, 0);
  assert.equal(passes(), 1);
  assert.deepEqual(second.image, first.image);
  assert.deepEqual(second.results, first.results);
});

test("finds in the store what another process has seen", async () => {
  const { ask, passes, restarted } = await bench();
  const { image } = await ask(BYTES);
  const again = await envelopeOf(await restarted()(BYTES));
  assert.equal(again.usage.vision_passes, 0);
  const byId = await envelopeOf(await restarted()(named(image.feature_id)));
  assert.deepEqual(byId.image, image);
  assert.equal(passes(), 1);
});

const READ = { task: "ocr" };
const READ_LINES = { task: "ocr", layout: "lines" };

function asking(task: object) {
  return { ...BYTES, tasks: [task] };
}

test("looks closer once for each kind of question, and keeps all it saw", async () => {
  const { ask, passes, restarted } = await bench({
    looksFor: (prompt) => prompt.includes("text"),
  });
  const caption = { task: "caption" };
  const used: number[] = [];
  for (const task of [caption, READ, caption, READ, READ_LINES]) {
    used.push((await ask(asking(task))).usage.vision_passes);
  }
  assert.deepEqual(used, [1, 1, 0, 0, 1]);
  const elsewhere = restarted();
  for (const task of [READ, READ_LINES, caption]) {
    const { usage } = await envelopeOf(elsewhere(asking(task)));
    assert.equal(usage.vision_passes, 0);
  }
  const { image } = await ask(asking(READ));
  await ask(named(image.feature_id, { tasks: [READ] }));
  assert.equal(passes(), 3);
});

test("loses nothing of two closer looks at once", async () => {
  const both = Promise.withResolvers<undefined>();
  let looking = 0;
  const { ask } = await bench({
    isConcurrent: true,
    looksFor: (prompt) => prompt.includes("text"),
    onEncode: async () => {
      looking += 1;
      if (looking === 3) both.resolve(undefined);
      if (looking > 1) await both.promise;
    },
  });
  await ask(BYTES);
  await Promise.all([ask(asking(READ)), ask(asking(READ_LINES))]);
  for (const task of [READ, READ_LINES]) {
    assert.equal((await ask(asking(task))).usage.vision_passes, 0);
  }
  assert.equal(looking, 3);
});

test("keeps of many closer looks the last", () => {
  const pass = (from: number, count: number): SeenImage => {
    const sights = Array.from({ length: count }, (_, at) => ({
      prompt: [0, from + at, 2],
    }));
    return { ...SEEN, features: { ...SEEN.features, sights } };
  };
  const merged = mergeSights(pass(1000, 200), pass(1150, 100));
  const { sights = [] } = merged.features;
  assert.equal(sights.length, 250);
  assert.equal(new Set(sights.map(({ prompt }) => prompt[1])).size, 250);
  const most = mergeSights(merged, pass(5000, 100)).features.sights ?? [];
  assert.equal(most.length, 256);
  assert.deepEqual(most.at(-1)?.prompt, [0, 5099, 2]);
  assert.equal(seesMore(pass(1000, 3), pass(999, 9)), false);
  assert.equal(seesMore(pass(1000, 3), pass(1001, 9)), true);
});

test("sees again what is another picture, or asked to be seen", async () => {
  const { ask, passes, service, key } = await bench();
  const { image } = await ask(BYTES);
  const png = { method: "POST", body: PHOTO_PNG };
  const other = await envelopeOf(
    await service.ask(key, "/v1/analyze?tasks=caption", png),
  );
  assert.notEqual(other.image.feature_id, image.feature_id);
  const off = await ask({ ...BYTES, options: { cache: "off" } });
  assert.equal(off.usage.vision_passes, 1);
  assert.equal(off.image.feature_id, undefined);
  assert.equal(passes(), 3);
});

test("keeps nothing of a request with the cache off", async () => {
  const { ask, service } = await bench();
  await ask({ ...BYTES, options: { cache: "off" } });
  assert.deepEqual(await rows(service.host), []);
});

test("sees a picture once for each size it is asked at", async () => {
  const { ask, passes, service, key } = await bench();
  const { image } = await ask(BYTES);
  const sized = { ...BYTES, options: { input_size: 768 } };
  const response = await service.ask(key, "/v1/analyze", postJson(sized));
  const other = await envelopeOf(response);
  assert.notEqual(other.image.feature_id, image.feature_id);
  assert.equal(passes(), 2);
});

test("never lets a tenant at another's features", async () => {
  const { ask, passes, service } = await bench();
  const { secret: stranger } = await service.makeKey({ tenant: "two" });
  const { image } = await ask(BYTES);
  const response = await service.ask(
    stranger,
    "/v1/analyze",
    postJson(named(image.feature_id)),
  );
  await readProblem(response, "not_found");
  const own = await envelopeOf(
    await service.ask(stranger, "/v1/analyze", postJson(BYTES)),
  );
  assert.equal(own.usage.vision_passes, 1);
  assert.equal(passes(), 2);
  assert.notEqual(own.image.feature_id, image.feature_id);
  const back = postJson(named(own.image.feature_id));
  await readProblem(await service.ask(stranger, "/v1/analyze", postJson(named(image.feature_id))), "not_found"); // prettier-ignore
  await envelopeOf(await service.ask(stranger, "/v1/analyze", back));
});

test("forgets after keep_seconds: expired by id, seen again by bytes", async () => {
  const { ask, passes, clock, restarted, service, key } = await bench();
  const { image } = await ask(BYTES);
  clock.ms = DAY_MS;
  for (const send of [
    (body: unknown) => service.ask(key, "/v1/analyze", postJson(body)),
    restarted(),
  ]) {
    const problem = await readProblem(
      await send(named(image.feature_id)),
      "expired",
    );
    assert.equal(problem.status, 410);
    assert.equal(problem.errors?.[0]?.pointer, "/image/feature_id");
  }
  await ask(BYTES);
  assert.equal(passes(), 2);
  await ask(named(image.feature_id));
});

test("sweeps what has expired, and says expired for a week more", async () => {
  const { ask, clock, service, key, restarted } = await bench();
  const { image } = await ask(BYTES);
  const kept = await ask({ ...BYTES, options: { store: true } });
  clock.ms = DAY_MS - 1;
  await service.service.sweep();
  await envelopeOf(await restarted()(named(image.feature_id)));

  clock.ms = DAY_MS;
  await service.service.sweep();
  const blobKey = `features/one/${image.feature_id!}`;
  assert.equal(await service.host.store.get(blobKey), null);
  const [row] = await rows(service.host);
  assert.equal(row?.["blob_key"], null);
  await readProblem(await restarted()(named(image.feature_id)), "expired");
  const analysis = `/v1/analyses/${kept.id}`;
  await readProblem(await service.ask(key, analysis), "expired");

  clock.ms = 9 * DAY_MS;
  await service.service.sweep();
  assert.deepEqual(await rows(service.host), []);
  await readProblem(await restarted()(named(image.feature_id)), "not_found");
  await readProblem(await service.ask(key, analysis), "not_found");
});

test("sees again where what was kept is damaged or gone, and mends it", async () => {
  const { ask, passes, restarted, service, told } = await bench();
  const { image } = await ask(BYTES);
  const { store } = service.host;
  const blobKey = `features/one/${image.feature_id!}`;
  const good = (await store.get(blobKey))!;
  const damages: readonly (() => Promise<void>)[] = [
    () => store.delete([blobKey]),
    () => store.put(blobKey, good.bytes.slice(0, -1), good.mediaType),
    () => store.put(blobKey, new Uint8Array(0), good.mediaType),
    () => {
      const bytes = good.bytes.slice();
      bytes[bytes.length - 1]! ^= 1;
      return store.put(blobKey, bytes, good.mediaType);
    },
  ];
  for (const [index, damage] of damages.entries()) {
    await damage();
    await readProblem(await restarted()(named(image.feature_id)), "expired");
    const again = await envelopeOf(await restarted()(BYTES));
    assert.equal(again.usage.vision_passes, 1);
    assert.equal(passes(), 2 + index);
    await envelopeOf(await restarted()(named(image.feature_id)));
  }
  // Two tries each of the three that were damaged; one that is gone is normal.
  assert.equal(told.length, 6);
});

test("answers although the store is broken, and tells the host", async () => {
  const { told, service, key } = await bench();
  const broken = () => Promise.reject(new Error("the store is down"));
  const host = {
    ...service.host,
    store: { get: broken, put: broken, delete: broken },
  };
  const { app } = createCheckedService(host);
  const headers = { Authorization: `Bearer ${key}` };
  const first = await envelopeOf(
    await app.request("/v1/analyze", postJson(BYTES, headers)),
  );
  assert.equal(first.usage.vision_passes, 1);
  assert.equal(told.length, 1);
  const second = await envelopeOf(
    await app.request("/v1/analyze", postJson(BYTES, headers)),
  );
  assert.equal(second.usage.vision_passes, 0, "memory has it");
});

test("names features only where they can be read from everywhere", async () => {
  const { service, key } = await bench();
  const { store } = service.host;
  const wantsToWrite = Promise.withResolvers<undefined>();
  const mayWrite = Promise.withResolvers<undefined>();
  const put: typeof store.put = async (...blob) => {
    wantsToWrite.resolve(undefined);
    await mayWrite.promise;
    await store.put(...blob);
  };
  const { app } = createCheckedService({
    ...service.host,
    store: { ...store, put },
  });
  const elsewhere = createCheckedService(service.host).app;
  const headers = { Authorization: `Bearer ${key}` };
  let isAnswered = false;
  const work = envelopeOf(
    app.request("/v1/analyze", postJson(BYTES, headers)),
  ).finally(() => {
    isAnswered = true;
  });
  await wantsToWrite.promise;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isAnswered, false);
  mayWrite.resolve(undefined);
  const { image } = await work;
  await envelopeOf(
    elsewhere.request(
      "/v1/analyze",
      postJson(named(image.feature_id), headers),
    ),
  );
});

test("answers at the deadline though the store hangs, and names no features", async () => {
  const { service, key } = await bench();
  const gone = new AbortController();
  const stuck = Promise.withResolvers<never>();
  const kept: Promise<unknown>[] = [];
  const host = {
    ...service.host,
    store: {
      ...service.host.store,
      put: () => {
        setImmediate(() => {
          gone.abort();
        });
        return stuck.promise;
      },
    },
    keepAlive: (work: Promise<unknown>) => {
      kept.push(work);
    },
  };
  const { app } = createCheckedService(host);
  const headers = { Authorization: `Bearer ${key}` };
  const asked = { ...postJson(BYTES, headers), signal: gone.signal };
  const { image } = await envelopeOf(app.request("/v1/analyze", asked));
  assert.equal(image.feature_id, undefined);
  assert.equal(kept.length, 2, "the request and the write are kept alive");
  stuck.reject(new Error("the store is down"));
  await Promise.all(kept);
});

test("names no features that the store would not take", async () => {
  const { service, key, passes } = await bench();
  const put = () => Promise.reject(new Error("the store is full"));
  const { app } = createCheckedService({
    ...service.host,
    store: { ...service.host.store, put },
  });
  const headers = { Authorization: `Bearer ${key}` };
  for (let time = 0; time < 2; time += 1) {
    const { image } = await envelopeOf(
      app.request("/v1/analyze", postJson(BYTES, headers)),
    );
    assert.equal(image.feature_id, undefined);
  }
  assert.equal(passes(), 1);
});

test("refuses what kept features cannot answer", async () => {
  const { ask, service, key } = await bench();
  const { image } = await ask(BYTES);
  const asked: readonly (readonly [object, string])[] = [
    [{ cache: "off" }, "/options/cache"],
    [{ model: "another" }, "/options/model"],
    [{ input_size: 768 }, "/options/input_size"],
  ];
  for (const [options, pointer] of asked) {
    const body = postJson(named(image.feature_id, { options }));
    const response = await service.ask(key, "/v1/analyze", body);
    const { errors } = await readProblem(response, "invalid_request");
    assert.equal(errors?.[0]?.pointer, pointer);
  }
  for (const id of ["ft_0", "x".repeat(100), "../../etc/passwd"]) {
    const response = await service.ask(key, "/v1/analyze", postJson(named(id)));
    await readProblem(response, "not_found");
  }
});

test("refuses features of a model that is not here any more", async () => {
  const { ask, service, key } = await bench();
  const { image } = await ask(BYTES);
  const [engine] = service.host.engines;
  const [model] = engine.models;
  const newer = { ...engine, models: [{ ...model, revision: "sha256:1" }] as const }; // prettier-ignore
  // The same engine, one release on.
  const host = { ...service.host, engines: [newer] as const };
  const { app } = createCheckedService(host);
  const headers = { Authorization: `Bearer ${key}` };
  const response = await app.request(
    "/v1/analyze",
    postJson(named(image.feature_id), headers),
  );
  await readProblem(response, "expired");
  const again = await envelopeOf(
    await app.request("/v1/analyze", postJson(BYTES, headers)),
  );
  assert.equal(again.usage.vision_passes, 1);
});

test("draws over a picture that was seen before", async () => {
  const { ask, passes } = await bench();
  await ask(BYTES);
  const drawn = await ask({
    ...BYTES,
    tasks: [{ task: "detect" }],
    options: { render: { format: "svg" } },
  });
  assert.equal(drawn.rendering?.media_type, "image/svg+xml");
  assert.equal(drawn.usage.vision_passes, 0);
  assert.equal(passes(), 1);
});

test("keeps an answer that is asked to be stored, until it is deleted", async () => {
  const { ask, service, key } = await bench();
  const { secret: stranger } = await service.makeKey({ tenant: "two" });
  const envelope = await ask({ ...BYTES, options: { store: true } });
  const path = `/v1/analyses/${envelope.id}`;
  assert.deepEqual(await envelopeOf(await service.ask(key, path)), envelope);
  await readProblem(await service.ask(stranger, path), "not_found");
  const gone = { method: "DELETE" };
  await readProblem(await service.ask(stranger, path, gone), "not_found");
  assert.equal((await service.ask(key, path, gone)).status, 204);
  await readProblem(await service.ask(key, path), "not_found");
  await readProblem(await service.ask(key, path, gone), "not_found");
});

test("keeps no answer that is not asked to be stored", async () => {
  const { ask, service, key } = await bench();
  const { id } = await ask(BYTES);
  const response = await service.ask(key, `/v1/analyses/${id}`);
  await readProblem(response, "not_found");
});

test("keeps a large answer as a blob", async () => {
  const { ask, service, key } = await bench({
    script: () => "boat ".repeat(900),
  });
  const task = { task: "caption", detail: "full" };
  const tasks = Array.from({ length: 16 }, () => task);
  const envelope = await ask({
    ...BYTES,
    tasks,
    options: { store: true, include_raw: true },
  });
  assert.ok(JSON.stringify(envelope).length > 100_000);
  const path = `/v1/analyses/${envelope.id}`;
  assert.deepEqual(await envelopeOf(await service.ask(key, path)), envelope);
  await service.ask(key, path, { method: "DELETE" });
  const blob = await service.host.store.get(`analyses/one/${envelope.id}`);
  assert.equal(blob, null);
});

const SEEN: SeenImage = {
  features: {
    data: Float32Array.of(0, -0, 1e-45, -3.5, 3.4e38, Number.NaN),
    tokens: 3,
    width: 2,
    hintIds: [4, 50_000],
    inputSize: 768,
    sights: [
      { prompt: [0, 7, 2], answer: { ids: [0, 9, 2], logProbs: [0, -0.1, 0] } },
      { prompt: [0, 8, 2], hintIds: [5], isForWords: true },
      { prompt: [0, 6, 2], openAt: 2, outlines: [{ box: [1, 2, 3, 4], ids: [9] }] }, // prettier-ignore
    ],
  },
  image: {
    width: 1,
    height: 2,
    media_type: "image/png",
    sha256: "0",
    orientation_applied: true,
  },
  modelRevision: "sha256:ä",
};

test("gives features back bit by bit, wherever their bytes begin", async () => {
  const bytes = await encodeSeenImage(SEEN, sha256);
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  for (const one of [bytes, shifted.subarray(1)]) {
    const back = await decodeSeenImage(one, sha256);
    assert.deepEqual(back, SEEN);
    assert.ok(Object.is(back.features.data[1], -0));
  }
});

test("takes features of no tokens: a model may say what it sees in words", async () => {
  const features = { ...SEEN.features, data: new Float32Array(0), tokens: 0 };
  const bytes = await encodeSeenImage({ ...SEEN, features }, sha256);
  const back = await decodeSeenImage(bytes, sha256);
  assert.deepEqual(back?.features, features);
});

test("reads nothing from bytes that have changed anywhere", async () => {
  const bytes = await encodeSeenImage(SEEN, sha256);
  for (let length = 0; length < bytes.length; length += 1) {
    assert.equal(await decodeSeenImage(bytes.slice(0, length), sha256), null);
  }
  const dataStart = bytes.length - SEEN.features.data.byteLength;
  for (let at = dataStart; at < bytes.length; at += 1) {
    const changed = bytes.slice();
    changed[at]! ^= 0x10;
    assert.equal(await decodeSeenImage(changed, sha256), null);
  }
});

test("holds what was used last, up to so many bytes", () => {
  const cache = createByteCache<string>(100);
  cache.set("a", "A", 40);
  cache.set("b", "B", 40);
  assert.equal(cache.get("a"), "A");
  cache.set("c", "C", 40);
  assert.deepEqual(["a", "b", "c"].map((key) => cache.get(key)), ["A", null, "C"]); // prettier-ignore
  cache.set("d", "D", 101);
  assert.equal(cache.get("d"), null);
  assert.equal(cache.get("a"), "A");
  cache.set("a", "A2", 60);
  assert.deepEqual(["a", "c"].map((key) => cache.get(key)), ["A2", "C"]); // prettier-ignore
  cache.set("a", "too large now", 1000);
  assert.equal(cache.get("a"), null);
  cache.delete("c");
  cache.set("e", "E", 100);
  assert.equal(cache.get("e"), "E");
});

test("says of each value once that it is not held any more", () => {
  const gone: string[] = [];
  const cache = createByteCache<string>(100, (value) => gone.push(value));
  cache.set("a", "A", 40);
  cache.set("b", "B", 40);
  cache.set("c", "C", 40);
  assert.deepEqual(gone, ["A"]);
  cache.set("b", "B2", 50);
  cache.set("d", "never held", 101);
  cache.delete("c");
  cache.delete("c");
  assert.deepEqual(gone, ["A", "B", "never held", "C"]);
});

test("gives each caller a pass of its own, which may be given back", async () => {
  const { service } = await bench();
  const cache = createFeatureCache(service.host);
  const features = { ...SEEN.features, data: SEEN.features.data.slice() };
  const written = cache.keep("ft_own", "one", { ...SEEN, features });
  freeMemory(features.data);
  assert.equal(await written, true);
  const first = await cache.find("ft_own", "one");
  assert.deepEqual(first, SEEN);
  freeMemory(first.features.data);
  assert.deepEqual(await cache.find("ft_own", "one"), SEEN);
  const stored = createFeatureCache({ ...service.host, featureMemoryBytes: 0 });
  assert.deepEqual(await stored.find("ft_own", "one"), SEEN);
});

test("forgets in memory what no longer fits, and finds it in the store", async () => {
  const { service, key, passes } = await bench();
  const host = { ...service.host, featureMemoryBytes: 0 };
  let reads = 0;
  const store = {
    ...host.store,
    get: (path: string) => {
      reads += 1;
      return host.store.get(path);
    },
  };
  const { app } = createCheckedService({ ...host, store });
  const headers = { Authorization: `Bearer ${key}` };
  for (let time = 0; time < 3; time += 1) {
    await envelopeOf(
      await app.request("/v1/analyze", postJson(BYTES, headers)),
    );
  }
  assert.equal(passes(), 1);
  assert.equal(reads, 2);
});

async function rows(
  host: Awaited<ReturnType<typeof createFakeHost>>,
): Promise<readonly Row[]> {
  return await host.database.all(sql`SELECT * FROM features`);
}
