// The node and the trigger in real n8n, with `florence serve` and its box model
// behind them, and a scripted model where the box has no such task.
//
// Long, since it is one run from start to end: n8n starts once or twice, and
// what comes later rests on what came before.
//
//   npm run test:n8n              FLORENCE_N8N_CACHE says where n8n is kept
//   npm run test:n8n -- trigger   without the operations

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { STREET } from "../fakes/scripted-answers.ts";
import { startLoopbackService } from "../http/loopback-service.ts";
import { startNodeTarget } from "../server/node-target.ts";
import { triggerFlow, workflowOf, type Flow } from "./flows.ts";
import { installTrees } from "./installed-trees.ts";
import {
  importInto,
  installPackage,
  startN8n,
  type N8nOptions,
} from "./n8n-process.ts";
import { OPERATION_CASES, type Item } from "./operation-cases.ts";
import { makeTarball } from "./package-tarball.ts";
import { checkTrigger } from "./trigger-cases.ts";

const PHOTOS = new URL("../../examples/photos/", import.meta.url);
const PORT = 5688;

let passed = 0;
const failures: string[] = [];
const rows: (readonly string[])[] = [];

const trees = installTrees();
const tarball = await makeTarball(trees.tools);
const box = await startNodeTarget();
const scripted = await startLoopbackService({
  script: STREET,
  config: { open_mode: false },
});
const userFolder = mkdtempSync(join(tmpdir(), "florence-n8n-"));

const flows: Flow[] = OPERATION_CASES.flatMap(
  ({ resource, operation, parameters }, index) =>
    ["box", "scripted"].map((credential) => ({
      id: `op${index}${credential}`,
      credential,
      parameters: { resource, operation, ...parameters },
    })),
);
const detect = { resource: "object", operation: "detect" };
const SAME = "return Array.from({ length: 200 }, () => $input.first());";
const more: Flow[] = [
  {
    id: "annotated",
    credential: "box",
    binary: "annotated",
    parameters: { ...detect, annotated: true },
  },
  {
    id: "crop",
    credential: "box",
    binary: "crop",
    parameters: { ...detect, crops: true, output: "object" },
  },
  {
    id: "perobject",
    credential: "scripted",
    parameters: { ...detect, output: "object" },
  },
  {
    id: "raw",
    credential: "box",
    parameters: { ...detect, simplify: false, crops: true },
  },
  {
    id: "many200",
    credential: "scripted",
    code: SAME,
    parameters: { ...detect, options: { batchSize: 16, batchInterval: 10 } },
  },
  {
    id: "job",
    credential: "box",
    parameters: { ...detect, options: { asJob: "wait", model: "default" } },
  },
  {
    id: "feature",
    credential: "box",
    before: { resource: "image", operation: "caption" },
    parameters: { ...detect, imageSource: "feature" },
  },
  {
    id: "earlier",
    credential: "scripted",
    before: detect,
    parameters: { resource: "region", operation: "describe" },
  },
  {
    id: "goeson",
    credential: "box",
    continueOnFail: true,
    code: "const one = $input.first(); return [{ json: {} }, one, { json: {}, binary: { data: { ...one.binary.data, mimeType: 'text/plain' } } }];",
    parameters: detect,
  },
  {
    id: "badregion",
    credential: "scripted",
    continueOnFail: true,
    parameters: {
      resource: "region",
      operation: "describe",
      regionsFrom: "json",
      regionsJson: '[{ "box": { "x_min": "left" } }]',
    },
  },
  {
    id: "wrongkey",
    credential: "wrongkey",
    continueOnFail: true,
    parameters: detect,
  },
  { id: "down", credential: "down", continueOnFail: true, parameters: detect },
  {
    id: "stranger",
    credential: "stranger",
    continueOnFail: true,
    parameters: detect,
  },
];
const credential = (id: string, baseUrl: string, apiKey: string) => ({
  id,
  name: id,
  type: "florenceApi",
  data: { baseUrl, apiKey },
});
const options: N8nOptions = {
  tree: trees.n8n,
  userFolder,
  port: PORT,
  binaryMode: "filesystem",
};
installPackage(userFolder, tarball);
importInto(options, "credentials", [
  credential("box", `${box.origin}/`, box.keys.first),
  credential("scripted", scripted.origin, scripted.keys.first),
  credential("wrongkey", box.origin, "fk_none_of_ours"),
  credential("down", "http://127.0.0.1:9", "fk_any"),
  credential("stranger", `http://127.0.0.1:${PORT}`, "fk_any"),
]);
importInto(options, "workflow", [
  ...[...flows, ...more].map(workflowOf),
  triggerFlow("uploads", "box", {
    events: ["image.uploaded", "analysis.completed"],
    downloadImage: true,
  }),
]);

let n8n = await startN8n(options);
try {
  await test("three types, icons light and dark, tool variant", checkTypes);
  await test("credential is tested by its button", checkCredentials);
  if (process.argv[2] !== "trigger") {
    await runOperations();
    await runMore();
  } else await activate("crop");
  await checkTrigger({
    box,
    n8n: () => n8n,
    activate,
    test,
    restart: async () => {
      await n8n.end();
      n8n = await startN8n(options);
    },
  });
  await n8n.end();
  n8n = await startN8n({ ...options, binaryMode: "default" });
  await test("crop with binary mode default", () =>
    checkPicture("crop", "bear.jpg"));
} finally {
  await n8n.end();
  const kept = process.env["FLORENCE_N8N_LOG"];
  if (kept !== undefined) writeFileSync(kept, n8n.log());
  await box.close();
  await scripted.close();
  rmSync(userFolder, { recursive: true, force: true });
}
const table = [["operation", "photo", "server", "items out", "ms"], ...rows];
for (const row of table) {
  console.log(
    row.map((cell, at) => cell.padEnd([26, 18, 9, 22, 6][at] ?? 0)).join(" "),
  );
}
for (const failure of failures) console.log(failure);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;

async function test(name: string, body: () => unknown): Promise<void> {
  try {
    await body();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    failures.push(
      `FAIL ${name}: ${error instanceof Error ? error.message : String(error)}`,
    );
    console.log(failures.at(-1));
  }
}

async function activate(id: string): Promise<void> {
  const { versionId } = (await n8n.rest("GET", `/rest/workflows/${id}`)) as {
    readonly versionId: string;
  };
  await n8n.rest("POST", `/rest/workflows/${id}/activate`, { versionId });
}

async function send(id: string, photo: string): Promise<Response> {
  const sent = (): Promise<Response> =>
    fetch(`${n8n.origin}/webhook/${id}`, {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body: readFileSync(new URL(photo, PHOTOS)),
    });
  // A workflow is published some time after it was told to be.
  let response = await sent();
  for (let tries = 0; response.status === 404 && tries < 50; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    response = await sent();
  }
  return response;
}

async function itemsOf(id: string, photo: string): Promise<Item[]> {
  const response = await send(id, photo);
  const body: unknown = JSON.parse(await response.text());
  assert.ok(
    Array.isArray(body),
    `HTTP ${response.status} ${JSON.stringify(body)}`,
  );
  return body as Item[];
}

async function runOperations(): Promise<void> {
  for (const [index, one] of OPERATION_CASES.entries()) {
    const name = `${one.resource}: ${one.operation}`;
    for (const server of ["box", "scripted"] as const) {
      const id = `op${index}${server}`;
      const check = one[server];
      await test(`${name} (${server})`, async () => {
        await activate(id);
        const started = performance.now();
        if (check !== undefined) {
          const items = await itemsOf(id, one.photo);
          rows.push([
            name,
            one.photo,
            server,
            String(items.length),
            ms(started),
          ]);
          check(items);
          return;
        }
        const { status } = await send(id, one.photo);
        assert.equal(status, 500);
        const message = await lastError(id);
        rows.push([name, one.photo, server, "unsupported_task", ms(started)]);
        assert.match(message, /Task not supported: /u);
      });
    }
  }
}

async function runMore(): Promise<void> {
  for (const { id } of more) await activate(id);
  await test("annotated picture, binary mode filesystem", () =>
    checkPicture("annotated", "bear.jpg"));
  await test("crop, binary mode filesystem", () =>
    checkPicture("crop", "bear.jpg"));
  const cases: Record<string, (items: Item[]) => void> = {
    perobject: (items) => {
      assert.deepEqual(
        items.map((one) => one["label"]),
        ["van", "sign"],
      );
    },
    raw: ([item]) => {
      assert.equal(item?.["object"], "analysis");
      assert.match(JSON.stringify(item), /"binary":"crop_0"/u);
      assert.doesNotMatch(JSON.stringify(item), /base64/u);
    },
    many200: (items) => {
      assert.equal(items.length, 200);
      assert.ok(items.every((one) => one["count"] === 2));
    },
    job: ([item]) => {
      assert.equal(item?.["count"], 1);
    },
    feature: ([item]) => {
      assert.equal(item?.["count"], 1);
    },
    earlier: ([item]) => {
      assert.equal((item?.["regions"] as Item[]).length, 2);
    },
    goeson: ([first, second, third]) => {
      assert.match(String(first?.["error"]), /no binary data/u);
      assert.equal(second?.["count"], 1);
      assert.match(
        String(third?.["error"]),
        /holds text\/plain, which is not an image/u,
      );
    },
    badregion: ([item]) => {
      assert.match(
        String(item?.["error"]),
        /Region 1 has no number as x_min: "left"/u,
      );
    },
    wrongkey: ([item]) => {
      assert.match(String(item?.["error"]), /Not authenticated/u);
      assert.match(String(item?.["description"]), /request req_/u);
    },
    down: ([item]) => {
      assert.match(String(item?.["error"]), /cannot be reached/u);
    },
    stranger: ([item]) => {
      assert.match(String(item?.["error"]), /not as a Florence service does/u);
    },
  };
  for (const [id, check] of Object.entries(cases)) {
    await test(id, async () => {
      const started = performance.now();
      const items = await itemsOf(id, "bear.jpg");
      rows.push([id, "bear.jpg", "", String(items.length), ms(started)]);
      check(items);
    });
  }
}

async function checkPicture(id: string, photo: string): Promise<void> {
  const started = performance.now();
  const response = await send(id, photo);
  const bytes = pictureOf(Buffer.from(await response.arrayBuffer()));
  rows.push([id, photo, "box", `${bytes.length} bytes`, ms(started)]);
  assert.equal(
    response.headers.get("content-type")?.split(";")[0],
    "image/png",
    bytes.toString("utf8").slice(0, 300),
  );
  assert.equal(bytes.subarray(1, 4).toString("latin1"), "PNG");
  const kept = process.env["FLORENCE_N8N_PICTURES"];
  if (kept !== undefined) {
    writeFileSync(join(kept, `${id}.png`), bytes);
  }
}

/** With binary mode default a Webhook node writes its bytes as JSON. */
function pictureOf(body: Buffer): Buffer {
  if (!body.toString("latin1", 0, 20).startsWith('{"type":"Buffer"'))
    return body;
  const { data } = JSON.parse(body.toString("utf8")) as { data: number[] };
  return Buffer.from(data);
}

/** The message of the latest execution of a workflow, as its panel shows it. */
async function lastError(id: string): Promise<string> {
  const filter = encodeURIComponent(JSON.stringify({ workflowId: id }));
  const { results } = (await n8n.rest(
    "GET",
    `/rest/executions?filter=${filter}`,
  )) as {
    readonly results: readonly { readonly id: string }[];
  };
  const [latest] = results;
  const { data } = (await n8n.rest(
    "GET",
    `/rest/executions/${latest?.id ?? ""}`,
  )) as {
    readonly data: string;
  };
  return data;
}

async function checkTypes(): Promise<void> {
  const types = (await n8n.rest(
    "GET",
    "/types/nodes.json",
  )) as readonly (Item & {
    readonly name: string;
  })[];
  const ours = types.filter(({ name }) =>
    name.startsWith("n8n-nodes-florence."),
  );
  assert.deepEqual(ours.map(({ name }) => name).sort(), [
    "n8n-nodes-florence.florence",
    "n8n-nodes-florence.florenceTool",
    "n8n-nodes-florence.florenceTrigger",
  ]);
  const tool = ours.find(({ name }) => name.endsWith("Tool"));
  assert.deepEqual(tool?.["outputs"], ["ai_tool"]);
  for (const one of ours) {
    const { light, dark } = one["iconUrl"] as Record<string, string>;
    for (const url of [light, dark]) {
      const icon = await fetch(`${n8n.origin}/${url ?? ""}`);
      assert.match(await icon.text(), /<svg/u);
    }
  }
}

async function checkCredentials(): Promise<void> {
  const check = async (id: string): Promise<string> => {
    const found = (await n8n.rest(
      "GET",
      `/rest/credentials/${id}?includeData=true`,
    )) as Item;
    const answer = (await n8n.rest("POST", "/rest/credentials/test", {
      credentials: found,
    })) as { readonly status: string };
    return answer.status;
  };
  assert.equal(await check("box"), "OK");
  assert.equal(await check("wrongkey"), "Error");
}

function ms(started: number): string {
  return String(Math.round(performance.now() - started));
}
