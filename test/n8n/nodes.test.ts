import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  buildOptions,
  buildTask,
  buildTasks,
  readLabels,
} from "../../plugins/n8n/nodes/Florence/build-request.ts";
import {
  filesOfItem,
  withoutFilesPrefix,
} from "../../plugins/n8n/nodes/Florence/item-files.ts";
import { makeItems } from "../../plugins/n8n/nodes/Florence/make-items.ts";
import { findTask } from "../../plugins/n8n/nodes/Florence/operations.ts";
import { pickBinary } from "../../plugins/n8n/nodes/Florence/pick-binary.ts";
import {
  readRegions,
  regionsOfItem,
} from "../../plugins/n8n/nodes/Florence/read-regions.ts";
import {
  hasSeen,
  readSeen,
  remember,
} from "../../plugins/n8n/nodes/FlorenceTrigger/seen-deliveries.ts";
import { verifyDelivery } from "../../plugins/n8n/nodes/FlorenceTrigger/verify-delivery.ts";
import {
  readFault,
  retryAfterMs,
} from "../../plugins/n8n/nodes/shared/problem.ts";
import {
  newWebhookSecret,
  signStandardWebhook,
} from "../../src/shared/webhooks/standard-webhook.ts";

const BOX = { x_min: 1, y_min: 2, x_max: 30, y_max: 40 };

test("the editor's search finds the nodes: of the category AI it hides all but a few kinds", () => {
  for (const name of ["Florence", "FlorenceTrigger"]) {
    const file = `../../plugins/n8n/nodes/${name}/${name}.node.json`;
    const { categories } = JSON.parse(
      readFileSync(new URL(file, import.meta.url), "utf8"),
    ) as { readonly categories: readonly string[] };
    assert.ok(categories.length > 0 && !categories.includes("AI"), name);
  }
});

test("takes the wanted binary field, or the only image there is", () => {
  const image = { mimeType: "image/png" };
  assert.equal(pickBinary({ data: image, more: image }, "data"), "data");
  assert.equal(pickBinary({ image0: image }, "data"), "image0");
  assert.equal(
    pickBinary({ data: { mimeType: "application/octet-stream" } }, "data"),
    "data",
  );
  assert.throws(() => pickBinary(undefined, "data"), /no binary data/u);
  assert.throws(
    () => pickBinary({ a: image, b: image }, "data"),
    (error: Error & { hint?: string }) =>
      /no binary field "data"/u.test(error.message) &&
      error.hint === "Binary fields of the item: a (image/png), b (image/png).",
  );
  assert.throws(
    () => pickBinary({ data: { mimeType: "text/plain" } }, "data"),
    /holds text\/plain, which is not an image/u,
  );
});

test("finds files among the JSON only in a workflow that has them there", () => {
  const file = { mimeType: "image/png", data: "filesystem-v2", id: "a" };
  const item = {
    json: { _files: { data: file }, photo: file, other: { mimeType: "a" } },
    binary: { beside: file },
  };
  assert.deepEqual(Object.keys(filesOfItem(item, false)), ["beside"]);
  assert.deepEqual(Object.keys(filesOfItem(item, true)).sort(), [
    "beside",
    "data",
    "photo",
  ]);
  assert.deepEqual(filesOfItem({ json: { _files: null } }, true), {});
  assert.equal(withoutFilesPrefix("_files.data"), "data");
  assert.equal(withoutFilesPrefix("data"), "data");
});

test("reads regions of every shape a workflow may have", () => {
  const wanted = [{ box: BOX }];
  for (const value of [
    [BOX],
    BOX,
    [{ box: BOX }],
    [1, 2, 30, 40],
    [["1", 2, 30, 40]],
    JSON.stringify([{ box: BOX }]),
    [
      {
        quad: [
          [1, 2],
          [30, 2],
          [30, 40],
          [1, 40],
        ],
      },
    ],
  ]) {
    assert.deepEqual(readRegions(value), wanted, JSON.stringify(value));
  }
  assert.deepEqual(readRegions([{ id: "r", box: BOX }]), [
    { id: "r", box: BOX },
  ]);
});

test("names the region that is none", () => {
  const bad: readonly (readonly [unknown, RegExp])[] = [
    ["", /Regions is empty/u],
    ["{", /Regions is no JSON/u],
    [[], /Regions is empty/u],
    [[BOX, "left"], /Region 2 is no box: "left"/u],
    [[{ ...BOX, x_max: "wide" }], /Region 1 has no number as x_max: "wide"/u],
    [[{ ...BOX, x_max: 1 }], /Region 1 has no area/u],
    [
      [
        {
          quad: [
            [1, 2],
            ["a", 2],
            [3, 4],
            [1, 4],
          ],
        },
      ],
      /corner that is no/u,
    ],
  ];
  for (const [value, message] of bad) {
    assert.throws(() => readRegions(value), message);
  }
});

test("finds the boxes of an earlier node, one item per object or per image", () => {
  assert.equal(regionsOfItem({ label: "car", box: BOX }).length, 1);
  assert.equal(
    regionsOfItem({ objects: [{ box: BOX }, { box: BOX }] }).length,
    2,
  );
  assert.equal(
    regionsOfItem({ results: [{ text: "a" }, { objects: [{ box: BOX }] }] })
      .length,
    1,
  );
  assert.equal(
    regionsOfItem({ regions: [{ id: "r", segments: [{ box: BOX }] }] }).length,
    1,
  );
  assert.throws(() => regionsOfItem({ text: "a" }), /its fields: text/u);
});

test("builds tasks with what they need, and says what is missing", () => {
  const detectOpen = findTask("detect_open")!;
  assert.deepEqual(buildTask(detectOpen, { labels: "car, dog,, " }), {
    task: "detect_open",
    labels: ["car", "dog"],
  });
  assert.throws(
    () => buildTask(detectOpen, { labels: " " }),
    /Labels is empty/u,
  );
  assert.deepEqual(
    buildTask(findTask("classify_regions")!, { regions: [{ box: BOX }] }),
    {
      task: "classify_regions",
      regions: [{ box: BOX }],
    },
  );
  assert.deepEqual(readLabels(["a", " b "]), ["a", "b"]);
  assert.throws(
    () => buildTask(findTask("segment")!, { phrase: "x".repeat(513) }),
    /513 characters/u,
  );
  assert.deepEqual(
    buildTasks([{ task: "caption" }, { task: "ground", phrase: "a" }]),
    [
      { task: "caption", detail: "short" },
      { task: "ground", phrase: "a" },
    ],
  );
  assert.throws(() => buildTasks([]), /at least one task/u);
  assert.throws(
    () => buildTasks([{ task: "paint" }]),
    /Task 1: there is no task/u,
  );
});

test("sends only the options that were set", () => {
  const none = { annotated: false, crops: false, more: { model: "default" } };
  assert.deepEqual(buildOptions(none), {});
  assert.deepEqual(
    buildOptions({
      annotated: true,
      crops: false,
      more: { minScore: 0.4, tiling: true, maxTiles: 4, onlyThisEngine: true },
    }),
    {
      min_score: 0.4,
      allow_fallback: false,
      tiling: { mode: "auto", max_tiles: 4 },
      render: { format: "png", crops: "none" },
    },
  );
});

const CROP = { media_type: "image/png", base64: "AAAA", width: 1, height: 1 };
const ENVELOPE = {
  id: "an_1",
  object: "analysis",
  image: { width: 10, height: 10, feature_id: "ft_1" },
  model: { id: "m" },
  rendering: { media_type: "image/png", base64: "BBBB" },
  results: [
    {
      id: "t0",
      task: "detect",
      status: "ok",
      finish_reason: "stop",
      objects: [
        {
          id: "o0",
          label: "Red car",
          score: 0.9,
          box_score: 0.8,
          box: BOX,
          crop: CROP,
        },
        { id: "o1", label: "dog", score: 0.5, box: BOX, crop: CROP },
      ],
    },
  ],
  warnings: [],
};
const MAKE = {
  perObject: false,
  simplify: true,
  isMany: false,
  fileStem: "shop",
};

test("makes one item for the image, pictures as files", () => {
  const [item] = makeItems(ENVELOPE, MAKE);
  assert.equal(item!.json["count"], 2);
  assert.deepEqual(
    item!.files.map(({ key, fileName }) => [key, fileName]),
    [
      ["annotated", "shop-annotated.png"],
      ["crop_0", "shop-1-red-car.png"],
      ["crop_1", "shop-2-dog.png"],
    ],
  );
  assert.doesNotMatch(
    JSON.stringify(item!.json),
    /base64|box_score|finish_reason/u,
  );
  const [raw] = makeItems(ENVELOPE, { ...MAKE, simplify: false });
  assert.equal(raw!.json["object"], "analysis");
  assert.doesNotMatch(JSON.stringify(raw!.json), /base64/u);
});

test("makes one item for each object, and one for a task that failed", () => {
  const problem = { title: "Task not supported", detail: "No." };
  const failed = { id: "t1", task: "segment", status: "error", problem };
  const envelope = { ...ENVELOPE, results: [...ENVELOPE.results, failed] };
  const items = makeItems(envelope, { ...MAKE, perObject: true });
  assert.deepEqual(
    items.map(({ json }) => json["error"] ?? json["label"]),
    ["Task not supported: No.", "Red car", "dog"],
  );
  assert.deepEqual(
    items[2]!.files.map(({ key, fileName }) => [key, fileName]),
    [
      ["annotated", "shop-annotated.png"],
      ["crop", "shop-2-dog.png"],
    ],
  );
});

test("says what the service says, with fields and request id", () => {
  const body = {
    title: "Task input missing",
    detail: "Task 0 needs labels.",
    code: "missing_task_input",
    request_id: "req_1",
    errors: [{ pointer: "/tasks/0/labels", detail: "required" }],
  };
  const fault = readFault(
    { status: 422, headers: {}, body },
    "http://f/v1/analyze",
  );
  assert.equal(fault.message, "Task input missing: Task 0 needs labels.");
  assert.equal(
    fault.description,
    "/tasks/0/labels: required\nHTTP 422, missing_task_input, request req_1",
  );
  const stranger = { status: 404, headers: {}, body: "<h1>Nothing</h1>" };
  assert.match(readFault(stranger, "http://f/v1/x").description, /update it/u);
});

test("says when the service is older than the node, and how long to wait", () => {
  const description = (body: object, headers = {}): string =>
    readFault(
      { status: 422, headers, body: { title: "T", detail: "D", ...body } },
      "http://f/v1/analyze",
    ).description;
  const unknown = (detail: string): object => ({
    code: "invalid_request",
    errors: [{ pointer: "/options/new", detail }],
  });
  const older = /older than this node needs/u;
  assert.match(description({ code: "unknown_task" }), older);
  assert.match(description({ code: "method_not_allowed" }), older);
  assert.match(description(unknown("unknown field")), older);
  assert.doesNotMatch(description(unknown("0 to 1")), older);
  assert.match(
    description({ code: "not_found", detail: "There is nothing at /v1/x." }),
    older,
  );
  assert.doesNotMatch(
    description({ code: "not_found", detail: "There is no upload up_1." }),
    older,
  );
  assert.match(
    description({ code: "rate_limited" }, { "retry-after": "90" }),
    /asks to wait 90 s/u,
  );
});

test("reads Retry-After in seconds and as a date", () => {
  assert.equal(retryAfterMs({ "retry-after": "3" }, 0), 3000);
  const date = new Date(10_000).toUTCString();
  assert.equal(retryAfterMs({ "retry-after": date }, 4000), 6000);
  assert.equal(retryAfterMs({}, 0), null);
  assert.equal(retryAfterMs({ "retry-after": "soon" }, 0), null);
});

test("takes what the service signs, and nothing else", async () => {
  const [old, current] = [newWebhookSecret(), newWebhookSecret()];
  const body = '{"type":"image.uploaded"}';
  const sign = async (secrets: readonly string[]) =>
    await signStandardWebhook(secrets, {
      id: "msg_1",
      timestampSeconds: 1000,
      body,
    });
  const check = (
    headers: Readonly<Record<string, string>>,
    secret: string,
    nowMs = 1_000_000,
    text = body,
  ) => verifyDelivery({ headers, body: Buffer.from(text) }, secret, nowMs);
  const headers = await sign([current, old]);
  assert.deepEqual(check(headers, current), {
    isGenuine: true,
    id: "msg_1",
    fits: 0,
  });
  assert.deepEqual(check(headers, old), {
    isGenuine: true,
    id: "msg_1",
    fits: 1,
  });
  assert.equal(check(headers, newWebhookSecret()).isGenuine, false);
  assert.equal(check(headers, current, 1_301_000).isGenuine, false);
  assert.equal(check(headers, current, 1_000_000, "{}").isGenuine, false);
  // Without a secret nothing is genuine, but it may be asked for.
  assert.deepEqual(check(headers, ""), {
    isGenuine: false,
    reason: "no secret is known",
    mayBeRotated: true,
  });
  for (const name of Object.keys(headers)) {
    assert.equal(
      check({ ...headers, [name]: "" }, current).isGenuine,
      false,
      name,
    );
  }
});

test("remembers deliveries for two days, 500 at most", () => {
  const day = 24 * 3600 * 1000;
  const seen = remember(remember([], "a", 0), "b", day);
  assert.ok(hasSeen(seen, "a") && hasSeen(seen, "b"));
  const later = remember(seen, "c", 2.5 * day);
  assert.ok(!hasSeen(later, "a") && hasSeen(later, "b"));
  let many = later;
  for (let at = 0; at < 600; at += 1)
    many = remember(many, `m${at}`, 2.5 * day);
  assert.equal(many.length, 500);
  assert.deepEqual(readSeen("nonsense"), []);
});
