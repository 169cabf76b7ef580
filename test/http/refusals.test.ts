import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "./checked-service.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import {
  analyzeJson,
  analyzeParts,
  analyzeRaw,
  partsOf,
  readEnvelope,
  readProblem,
  streamedImage,
} from "./requests.ts";

const { app } = createCheckedService(await createFakeHost());

test("answers an unknown path with a problem that lists the known ones", async () => {
  const response = await app.request("/v2/analyse");
  const { detail, instance } = await readProblem(response, "not_found");
  assert.equal(instance, "/v2/analyse");
  assert.match(detail, /\/v1\/analyze/u);
});

test("answers a wrong method with those allowed", async () => {
  const expected = {
    "/v1/analyze": ["GET", "POST"],
    "/v1/tasks": ["POST", "GET, HEAD"],
    "/v1/models": ["DELETE", "GET, HEAD"],
    "/v1/engines": ["PUT", "GET, HEAD"],
    "/v1/health/live": ["POST", "GET, HEAD"],
    "/v1/health/ready": ["PATCH", "GET, HEAD"],
  };
  for (const [path, [method, allow]] of Object.entries(expected)) {
    const response = await app.request(path, { method: method! });
    assert.equal(response.headers.get("Allow"), allow);
    await readProblem(response, "method_not_allowed");
  }
});

test("refuses a body that says it is too large before reading it", async () => {
  let pulls = 0;
  const body = new ReadableStream(
    {
      pull(controller) {
        pulls += 1;
        controller.enqueue(new Uint8Array(10));
      },
    },
    { highWaterMark: 0 },
  );
  const response = await app.request(
    streamedImage(body, { "Content-Length": "200001" }),
  );
  const { detail } = await readProblem(response, "image_too_large");
  assert.match(detail, /0\.21 MB.*0\.2 MB/u);
  assert.equal(pulls, 0);
});

test("cuts off a body that grows beyond the limit", async () => {
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      sent += 50_000;
      controller.enqueue(new Uint8Array(50_000));
    },
  });
  const response = await app.request(streamedImage(body));
  await readProblem(response, "image_too_large");
  assert.ok(sent <= 400_000, `${sent} bytes were taken`);
});

test("refuses media types that are no image, with a hint for curl", async () => {
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  const response = await analyzeRaw(app, "tasks=caption", PHOTO, form);
  const { detail } = await readProblem(response, "unsupported_media_type");
  assert.match(detail, /Content-Type: image\/jpeg/u);
  const packed = await analyzeRaw(app, "tasks=caption", PHOTO, {
    "Content-Type": "image/jpeg",
    "Content-Encoding": "gzip",
  });
  await readProblem(packed, "unsupported_media_type");
});

test("refuses JSON that is none, and JSON that is no object", async () => {
  const response = await app.request("/v1/analyze", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"image": ',
  });
  await readProblem(response, "invalid_json");
  await readProblem(await analyzeJson(app, [1]), "invalid_request");
  const form = partsOf({});
  form.set("request", "{tasks:1}");
  await readProblem(await analyzeParts(app, form), "invalid_json");
});

test("refuses images in JSON that are not base64, or elsewhere", async () => {
  const images: readonly (readonly [unknown, string])[] = [
    [undefined, "/image"],
    ["photo.jpg", "/image"],
    [{}, "/image"],
    [{ base64: 5 }, "/image/base64"],
    [{ base64: "!!!!" }, "/image/base64"],
    [{ base64: "data:image/png;base64,AAAA" }, "/image/base64"],
    [{ base64: "AAAA", media_type: "text/html" }, "/image/media_type"],
    [{ base64: "AAAA", name: "x" }, "/image/name"],
  ];
  for (const [image, pointer] of images) {
    const tasks = [{ task: "caption" }];
    const response = await analyzeJson(app, { image, tasks });
    const { errors } = await readProblem(response, "invalid_request");
    assert.equal(errors?.[0]?.pointer, pointer);
  }
});

test("refuses multipart bodies with parts missing, doubled or unknown", async () => {
  const request = { tasks: [{ task: "caption" }] };
  const edits: Readonly<Record<string, (form: FormData) => void>> = {
    "/image": (form) => {
      form.delete("image");
    },
    "/request": (form) => {
      form.delete("request");
    },
    "/mask": (form) => {
      form.set("mask", "1");
    },
  };
  for (const [pointer, edit] of Object.entries(edits)) {
    const form = partsOf(request);
    edit(form);
    const response = await analyzeParts(app, form);
    const { errors } = await readProblem(response, "invalid_request");
    assert.equal(errors?.[0]?.pointer, pointer);
  }
  const twoImages = partsOf(request);
  twoImages.append("image", new Blob([PHOTO]), "second.jpg");
  await readProblem(await analyzeParts(app, twoImages), "invalid_request");
  const alsoInRequest = partsOf({ ...request, image: { url: "x" } });
  await readProblem(await analyzeParts(app, alsoInRequest), "invalid_request");
  const large = partsOf(request);
  large.set("image", new Blob([new Uint8Array(200_001)]), "large.jpg");
  await readProblem(await analyzeParts(app, large), "image_too_large");
});

test("refuses a multipart body without a boundary", async () => {
  const response = await app.request("/v1/analyze", {
    method: "POST",
    headers: { "Content-Type": "multipart/form-data" },
    body: PHOTO,
  });
  await readProblem(response, "invalid_request");
});

test("refuses a deadline that is no number of milliseconds", async () => {
  for (const deadline of ["soon", "0", "-5", "1.5", "300001"]) {
    const response = await analyzeRaw(app, "tasks=caption", PHOTO, {
      "Deadline-Ms": deadline,
    });
    await readProblem(response, "invalid_request");
  }
});

test("stops the vision pass at the deadline", async () => {
  const { app: slow } = createCheckedService(
    await createFakeHost({
      onEncode: (signal) =>
        new Promise((resolve) => {
          signal!.addEventListener("abort", () => {
            resolve();
          });
        }),
    }),
  );
  const response = await analyzeRaw(slow, "tasks=caption", PHOTO, {
    "Deadline-Ms": "20",
  });
  const { retryable } = await readProblem(response, "deadline_exceeded");
  assert.equal(retryable, true);
});

test("lets one request at a time to the engine, some wait, refuses the rest", async () => {
  let running = 0;
  let most = 0;
  const release = Promise.withResolvers<undefined>();
  const { app: busy } = createCheckedService(
    await createFakeHost({
      maxWaiting: 2,
      onEncode: async () => {
        running += 1;
        most = Math.max(most, running);
        await release.promise;
        running -= 1;
      },
    }),
  );
  const requests = [1, 2, 3, 4].map(() => analyzeRaw(busy, "tasks=caption"));
  const refused = await Promise.race(requests);
  assert.match(refused.headers.get("Retry-After") ?? "", /^\d+$/u);
  await readProblem(refused, "engine_unavailable");
  release.resolve(undefined);
  const statuses = (await Promise.all(requests)).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [200, 200, 200, 503]);
  assert.equal(most, 1);
});

test("goes on after a request that failed at work", async () => {
  let calls = 0;
  const { app: shaky } = createCheckedService(
    await createFakeHost({
      onEncode: () => {
        calls += 1;
        return calls === 1
          ? Promise.reject(new FlorenceError("engine_bad_output", "NaN."))
          : Promise.resolve();
      },
    }),
  );
  const failed = await analyzeRaw(shaky, "tasks=caption");
  await readProblem(failed, "engine_bad_output");
  await readEnvelope(await analyzeRaw(shaky, "tasks=caption"));
});
