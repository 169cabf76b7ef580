// What `florence analyze` prints and how it fails; long, a command has many
// doors.

import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { decode } from "fast-png";
import * as v from "valibot";
import {
  EnvelopeSchema,
  type Envelope,
} from "../../src/shared/schema/analysis.ts";
import { runFlorence, type Ran, type RunOptions } from "./run-florence.ts";

const PHOTOS = fileURLToPath(new URL("../golden/photos/", import.meta.url));
const BOAT = join(PHOTOS, "boat.png");
const MILK = join(PHOTOS, "milk.jpg");

/** A fresh folder for each test that writes. */
function scratch(): string {
  return mkdtempSync(join(tmpdir(), "florence-cli-"));
}

async function analyze(
  args: readonly string[],
  options?: RunOptions,
): Promise<Ran> {
  return await runFlorence(["analyze", ...args], options);
}

function envelopeOf(text: string): Envelope {
  const document: unknown = JSON.parse(text);
  // Nothing but the envelope: the schema keeps exactly its fields.
  const envelope = v.parse(EnvelopeSchema, document);
  assert.deepEqual(envelope, document);
  return envelope;
}

test("answers caption and detect where nothing is asked", async () => {
  const { code, stdout, stderr } = await analyze([BOAT]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  const { results, metadata } = envelopeOf(stdout);
  assert.deepEqual(
    results.map(({ task, status }) => [task, status]),
    [
      ["caption", "ok"],
      ["detect", "ok"],
    ],
  );
  assert.equal(metadata["source"], BOAT);
});

test("passes every flag on as the API's tasks and options", async () => {
  const { stdout } = await analyze([
    BOAT,
    ...["--task", "caption:detailed", "-t", "ground,ocr:lines"],
    ...["--phrase", "a boat", "--task", "detect_open", "--labels", "boat, car"],
    ...["--task", "describe_regions", "--region", "1,2,30.5,40"],
    ...["--region", "5,5,20,20", "--beams", "3", "--max-tokens", "64"],
    ...["--min-score", "0.1", "--raw", "--json", "--coordinates", "pixel"],
  ]);
  const { results } = envelopeOf(stdout);
  assert.deepEqual(
    results.map(({ task }) => task),
    ["caption", "ground", "ocr", "detect_open", "describe_regions"],
  );
  const [caption, , , , regions] = results;
  assert.ok(caption !== undefined && "raw" in caption && "detail" in caption);
  assert.equal(caption.detail, "detailed");
  assert.equal(caption.raw.text.includes("a green boat"), true);
  assert.ok(regions !== undefined && "regions" in regions);
  assert.equal(regions.regions.length, 2);
  assert.ok(regions.regions.every((region) => region.raw !== undefined));
});

test("opens the model in the box, or the one it is told", async () => {
  const [box] = (await analyze([BOAT])).opened;
  assert.match(box!, /models[/\\]box[/\\]bundle/u);
  const { opened } = await analyze([BOAT, "--model", "my-model"]);
  assert.deepEqual(opened, ["my-model"]);
});

test("prints an array for several images, in their order", async () => {
  const { code, stdout } = await analyze([MILK, BOAT, "--json"]);
  assert.equal(code, 0);
  const documents = JSON.parse(stdout) as Envelope[];
  assert.deepEqual(
    documents.map(({ metadata }) => metadata["source"]),
    [MILK, BOAT],
  );
});

test("prints an array for a folder, whatever it holds", async () => {
  const folder = scratch();
  cpSync(BOAT, join(folder, "only.png"));
  const { stdout } = await analyze([folder]);
  assert.equal((JSON.parse(stdout) as Envelope[]).length, 1);
});

test("prints a line for each image with --jsonl", async () => {
  const { stdout } = await analyze([MILK, BOAT, "--jsonl"]);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 2);
  for (const line of lines) envelopeOf(line);
});

test("reads folders to any depth, images only, by name", async () => {
  const folder = scratch();
  mkdirSync(join(folder, "deep"));
  cpSync(BOAT, join(folder, "b.png"));
  cpSync(MILK, join(folder, "deep", "a.JPG"));
  writeFileSync(join(folder, "notes.txt"), "no image");
  writeFileSync(join(folder, ".hidden.png"), "no image");
  const { stdout, code } = await analyze([folder, "--jsonl"]);
  assert.equal(code, 0);
  const sources = stdout
    .trimEnd()
    .split("\n")
    .map((line) => envelopeOf(line).metadata["source"]);
  assert.deepEqual(sources, [
    join(folder, "b.png"),
    join(folder, "deep", "a.JPG"),
  ]);
});

test("reads standard input", async () => {
  const stdin = new Uint8Array(readFileSync(BOAT));
  const { code, stdout } = await analyze(["-"], { stdin });
  assert.equal(code, 0);
  assert.equal(envelopeOf(stdout).metadata["source"], "-");
});

test("reports a bad file among good ones and goes on", async () => {
  const bad = join(scratch(), "page.jpg");
  writeFileSync(bad, "<!doctype html><p>no image");
  const { code, stdout, stderr } = await analyze([BOAT, bad, MILK]);
  assert.equal(code, 1);
  const [first, second, third] = JSON.parse(stdout) as [
    Envelope,
    { status: string; problem: { code: string }; metadata: object },
    Envelope,
  ];
  assert.deepEqual([first.status, third.status], ["completed", "completed"]);
  assert.equal(second.status, "failed");
  assert.equal(second.problem.code, "unsupported_media_type");
  assert.deepEqual(second.metadata, { source: bad });
  assert.match(stderr, /^florence: .*page\.jpg: .*HTML/u);
});

test("ends with the code of the only failure there is", async () => {
  const missing = await analyze([join(scratch(), "none.jpg")]);
  assert.equal(missing.code, 3);
  assert.match(missing.stderr, /There is no file .*none\.jpg/u);
  const empty = await analyze([scratch()]);
  assert.equal(empty.code, 3);
  assert.match(empty.stderr, /holds no image/u);
});

test("ends with 1 where one task of an image fails", async () => {
  const args = [BOAT, "-t", "caption", "-t", "describe_regions"];
  const { code, stdout, stderr } = await analyze([
    ...args,
    "--region",
    "0,0,99999,5",
  ]);
  assert.equal(code, 1);
  assert.equal(envelopeOf(stdout).status, "partial");
  assert.match(stderr, /boat\.png: describe_regions: The box at/u);
});

test("fetches URLs, and says what a server answered", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/boat.png?token=secret")
      response.end(readFileSync(BOAT));
    else if (request.url === "/huge.png")
      response.end(Buffer.alloc(20_000_001));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;

  const good = await analyze([`${base}/boat.png?token=secret`]);
  assert.equal(good.code, 0);
  assert.equal(envelopeOf(good.stdout).status, "completed");

  const missing = await analyze([`${base}/missing.png?token=secret`]);
  assert.equal(missing.code, 4);
  assert.match(missing.stderr, /missing\.png answered with status 404/u);
  assert.doesNotMatch(missing.stderr.split(": ").slice(2).join(), /secret/u);

  const huge = await analyze([`${base}/huge.png`]);
  assert.equal(huge.code, 3);
  assert.match(huge.stderr, /more than 20 MB/u);
});

test("says why an address cannot be reached", async () => {
  const { code, stderr } = await analyze(["http://127.0.0.1:1/a.jpg"]);
  assert.equal(code, 4);
  assert.match(stderr, /127\.0\.0\.1:1\/a\.jpg could not be fetched: /u);
});

test("writes annotated photos, and keeps apart those of one name", async () => {
  const out = join(scratch(), "new", "folder");
  const { code } = await analyze([
    BOAT,
    join(PHOTOS, "boat.jpg"),
    "--annotate",
    out,
  ]);
  assert.equal(code, 0);
  assert.deepEqual(readdirSync(out).sort(), [
    "boat-2.annotated.png",
    "boat.annotated.png",
  ]);
  const png = decode(readFileSync(join(out, "boat.annotated.png")));
  assert.ok(Math.max(png.width, png.height) >= 800);
});

test("says where annotations cannot be written", async () => {
  const file = join(scratch(), "file");
  writeFileSync(file, "");
  const { code, stderr, opened } = await analyze([BOAT, "--annotate", file]);
  assert.equal(code, 3);
  assert.match(stderr, /Cannot write .*Name a folder that can be written/u);
  assert.deepEqual(opened, []);
});

test("takes tasks and options from a file, and lets flags win", async () => {
  const file = join(scratch(), "body.json");
  writeFileSync(
    file,
    JSON.stringify({
      tasks: [{ task: "ground", phrase: "a boat", id: "mine" }],
      options: { include_raw: true, coordinates: "normalized" },
      metadata: { order: "A-17" },
    }),
  );
  const { code, stdout } = await analyze([BOAT, "--request", file]);
  assert.equal(code, 0);
  const { results, metadata } = envelopeOf(stdout);
  assert.equal(results[0]?.id, "mine");
  assert.ok("raw" in results[0]);
  assert.deepEqual(metadata, { source: BOAT, order: "A-17" });
  assert.ok("objects" in results[0]);
  assert.ok(results[0].objects.every(({ box }) => box.x_max <= 1));

  const flagged = await analyze([
    BOAT,
    ...["--request", file, "--coordinates", "pixel"],
  ]);
  const [ground] = envelopeOf(flagged.stdout).results;
  assert.ok(ground !== undefined && "objects" in ground);
  assert.ok(ground.objects.every(({ box }) => box.x_max > 1));
});

const USAGE: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["no image", [], /No image is given/u],
  ["a task that is none", [BOAT, "-t", "captoin"], /Did you mean caption\?/u],
  [
    "a missing phrase",
    [BOAT, "-t", "caption", "-t", "ground"],
    /ground needs phrase, for example: --task ground --phrase "a red bicycle"/u,
  ],
  [
    "a missing region",
    [BOAT, "-t", "describe_regions"],
    /describe_regions needs regions, for example: .* --region 34,160,597,372/u,
  ],
  ["a phrase nobody takes", [BOAT, "--phrase", "a dog"], /takes phrase/u],
  [
    "half a region",
    [BOAT, "-t", "ocr_regions", "--region", "1,2,3"],
    /four numbers/u,
  ],
  [
    "NaN in a region",
    [BOAT, "-t", "ocr_regions", "--region", "NaN,2,3,4"],
    /four numbers/u,
  ],
  [
    "beams in words",
    [BOAT, "--beams", "three"],
    /--beams wants a whole number/u,
  ],
  ["too many beams", [BOAT, "--beams", "99"], /options\/beams.* 1 to 8/u],
  [
    "a score in words",
    [BOAT, "--min-score", "high"],
    /--min-score wants a number/u,
  ],
  [
    "an unknown unit",
    [BOAT, "--coordinates", "inch"],
    /"pixel", "normalized"/u,
  ],
  ["two formats", [BOAT, "--json", "--jsonl"], /exclude each other/u],
  [
    "an unknown flag",
    [BOAT, "--beam", "3"],
    /no flag --beam\. Did you mean --beams\?/u,
  ],
  [
    "a flag twice",
    [BOAT, "--beams", "3", "--beams", "1"],
    /--beams is given twice/u,
  ],
  ["a flag without value", [BOAT, "--phrase"], /--phrase needs TEXT/u],
  ["a flag for a value", [BOAT, "--phrase", "--json"], /--phrase=--json/u],
  ["a value for a switch", [BOAT, "--json=yes"], /--json takes no value/u],
  ["stdin twice", ["-", "-"], /read once/u],
];

for (const [what, args, message] of USAGE) {
  test(`refuses ${what} before the model is opened`, async () => {
    const { code, stdout, stderr, opened } = await analyze(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.match(stderr, /^florence: /u);
    assert.deepEqual(opened, []);
  });
}

const BODIES: readonly (readonly [string, string, RegExp])[] = [
  ["no JSON", "{tasks", /is not JSON/u],
  ["an array", "[]", /holds no JSON object/u],
  [
    "an image",
    '{"image":{},"tasks":[{"task":"caption"}]}',
    /images are arguments/u,
  ],
  [
    "an option of other hosts",
    '{"tasks":[{"task":"caption"}],"options":{"store":true}}',
    /options\.store is not heeded/u,
  ],
  [
    "a wrong field",
    '{"tasks":[{"task":"caption"}],"option":{}}',
    /perhaps options/u,
  ],
  [
    "options of a wrong type",
    '{"tasks":[{"task":"caption"}],"options":7}',
    /options/u,
  ],
];

for (const [what, body, message] of BODIES) {
  test(`refuses a request file with ${what}`, async () => {
    const file = join(scratch(), "body.json");
    writeFileSync(file, body);
    const { code, stderr } = await analyze([BOAT, "--request", file]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  });
}

test("refuses tasks by flag and by file at once", async () => {
  const file = join(scratch(), "body.json");
  writeFileSync(file, '{"tasks":[{"task":"caption"}]}');
  const { code, stderr } = await analyze([
    BOAT,
    ...["--request", file, "--task", "ocr"],
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /exclude each other/u);
});

test("ends an interrupted run with what is done, as a whole document", async () => {
  const interrupt = new AbortController();
  let passes = 0;
  const { code, stdout, stderr } = await analyze([BOAT, MILK, BOAT], {
    signal: interrupt.signal,
    onEncode() {
      passes += 1;
      if (passes === 2) interrupt.abort();
      return Promise.resolve();
    },
  });
  assert.equal(code, 130);
  assert.equal((JSON.parse(stdout) as unknown[]).length, 1);
  assert.match(stderr, /interrupted after 1 of 3 images/u);
});

test("goes on after a bug that one image meets", async () => {
  let passes = 0;
  const { code, stdout, stderr } = await analyze([BOAT, MILK], {
    onEncode() {
      passes += 1;
      return passes === 1
        ? Promise.reject(new Error("internal: made up"))
        : Promise.resolve();
    },
  });
  assert.equal(code, 1);
  const statuses = (JSON.parse(stdout) as Envelope[]).map(
    ({ status }) => status,
  );
  assert.deepEqual(statuses, ["failed", "completed"]);
  assert.match(stderr, /bug of ours.*internal: made up/u);
});
