// Pictures of the package in n8n's editor, for its README: every panel, a workflow
// that ran, what came out, and errors as a user sees them.
//
//   node test/n8n/screenshots.ts [folder]    needs Chromium; FLORENCE_CHROMIUM says where

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { startUserSite } from "../fakes/user-site.ts";
import { startNodeTarget } from "../server/node-target.ts";
import {
  openEditor,
  testId,
  type Editor,
  type Titled,
} from "./editor-browser.ts";
import { exampleFiles, importExample } from "./example-workflows.ts";
import { installN8n, installTools } from "./installed-trees.ts";
import {
  importInto,
  installPackage,
  startN8n,
  type N8n,
} from "./n8n-process.ts";
import { makeTarball } from "./package-tarball.ts";

/** What the pictures are made with. */
export interface Stage {
  readonly n8n: N8n;
  /** Below it are the photos of the examples. */
  readonly photos: string;
}

interface Field {
  readonly name: string;
  readonly displayOptions?: {
    readonly show?: Readonly<Record<string, readonly string[]>>;
  };
  readonly options?: readonly {
    readonly name: string;
    readonly action?: string;
    readonly value?: string;
    readonly default?: unknown;
  }[];
}

interface Node {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly typeVersion: number;
  readonly position: readonly number[];
  readonly parameters: Parameters;
  readonly credentials: object;
}

type Parameters = Readonly<Record<string, unknown>>;

const FOLDER = fileURLToPath(
  new URL("../../plugins/n8n/pictures/", import.meta.url),
);

if (import.meta.main) await main(process.argv[2] ?? FOLDER);

async function main(folder: string): Promise<void> {
  const userFolder = mkdtempSync(join(tmpdir(), "florence-n8n-"));
  const packed = mkdtempSync(join(tmpdir(), "florence-n8n-"));
  const options = {
    tree: installN8n(),
    userFolder,
    port: 5700,
    binaryMode: "filesystem",
  } as const;
  const box = await startNodeTarget();
  const site = await startUserSite();
  try {
    installPackage(userFolder, await makeTarball(installTools(), packed));
    importInto(options, "credentials", credentials(box.origin, box.keys.first));
    const n8n = await startN8n(options);
    try {
      await takeAll({ n8n, photos: site.origin }, folder);
    } finally {
      await n8n.end();
    }
  } finally {
    await Promise.all([box.close(), site.close()]);
    rmSync(userFolder, { recursive: true, force: true });
    rmSync(packed, { recursive: true, force: true });
  }
}

/** A good one, and one with a key of another service. */
export function credentials(
  baseUrl: string,
  apiKey: string,
): readonly object[] {
  const type = "florenceApi";
  return [
    { id: "box", name: "Florence", type, data: { baseUrl, apiKey } },
    {
      id: "wrongkey",
      name: "Wrong key",
      type,
      data: { baseUrl, apiKey: "fk_none_of_ours" },
    },
  ];
}

/** Takes every picture; files are named after what they show. */
export async function takeAll(stage: Stage, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const editor = await openEditor(stage.n8n.origin);
  const keep = (name: string, webp: Buffer): void => {
    writeFileSync(join(folder, `${name}.webp`), webp);
    console.log(`${name}.webp ${webp.length} bytes`);
  };
  try {
    const all = await panels(editor, stage);
    keep("operations", await editor.sheet(all.slice(0, -3), 5));
    keep("more-panels", await editor.sheet(all.slice(-3), 3));
    for (const [name, webp] of await ran(editor, stage)) keep(name, webp);
    keep("errors", await editor.sheet(await errors(editor, stage), 2));
    keep("workflows", await editor.sheet(await workflows(editor, stage), 2));
  } finally {
    await editor.close();
  }
}

const PACKAGE = "n8n-nodes-florence";

function florence(
  name: string,
  parameters: Parameters,
  credential = "box",
): Node {
  return {
    id: name,
    name,
    type: `${PACKAGE}.florence`,
    typeVersion: 1,
    position: [440, 0],
    parameters,
    credentials: { florenceApi: { id: credential, name: "Florence" } },
  };
}

/** @param names of nodes that are linked, in their order. */
async function saved(
  { n8n }: Stage,
  name: string,
  nodes: readonly object[],
  names: readonly string[] = [],
): Promise<string> {
  const connections = Object.fromEntries(
    names
      .slice(0, -1)
      .map((from, at) => [
        from,
        { main: [[{ node: names[at + 1], type: "main", index: 0 }]] },
      ]),
  );
  const { id } = (await n8n.rest("POST", "/rest/workflows", {
    name,
    nodes,
    connections,
    settings: { executionOrder: "v1" },
  })) as { readonly id: string };
  return id;
}

/** A workflow that gets a photo and asks Florence of it, at the press of a button. */
async function asking(stage: Stage, name: string, node: Node): Promise<string> {
  const start = {
    id: "start",
    name: "Start",
    type: "n8n-nodes-base.manualTrigger",
    typeVersion: 1,
    position: [0, 0],
    parameters: {},
  };
  const get = {
    id: "get",
    name: "Get a Photo",
    type: "n8n-nodes-base.httpRequest",
    typeVersion: 4.2,
    position: [220, 0],
    parameters: {
      url: `${stage.photos}/surfer.jpg`,
      options: { response: { response: { responseFormat: "file" } } },
    },
  };
  const nodes = [start, get, node];
  return await saved(
    stage,
    name,
    nodes,
    nodes.map((one) => one.name),
  );
}

/** Fields of the node's panel with a name, as n8n knows them. */
async function fieldsOf(
  { n8n }: Stage,
  name: string,
): Promise<readonly Field[]> {
  const types = (await n8n.rest("GET", "/types/nodes.json")) as readonly {
    readonly name: string;
    readonly properties: readonly Field[];
  }[];
  const node = types.find((type) => type.name === `${PACKAGE}.florence`);
  return node?.properties.filter((field) => field.name === name) ?? [];
}

/** Every panel as it is when its node is new; and all options, the trigger, a tool. */
async function panels(editor: Editor, stage: Stage): Promise<Titled[]> {
  const nodes = [
    ...(await operationNodes(stage)),
    ...(await otherNodes(stage)),
  ];
  // One workflow, since to open it takes longest.
  await editor.openWorkflow(
    await saved(stage, "Panels", nodes.map(atOwnPlace)),
  );
  const pictures: Titled[] = [];
  for (const { name } of nodes) {
    await editor.openNode(name);
    pictures.push({ title: name, webp: await editor.panel() });
    await editor.closeNode();
  }
  return pictures;
}

function atOwnPlace(node: object, at: number): object {
  return { ...node, position: [(at % 5) * 240, Math.floor(at / 5) * 200] };
}

async function operationNodes(stage: Stage): Promise<Node[]> {
  const fields = await fieldsOf(stage, "operation");
  return fields.flatMap(({ displayOptions, options = [] }) => {
    const [resource] = displayOptions?.show?.["resource"] ?? [];
    return options.map(({ name, action, value }) =>
      florence(action ?? name, { resource, operation: value }),
    );
  });
}

async function otherNodes(stage: Stage): Promise<Node[]> {
  const [{ options = [] } = {}] = await fieldsOf(stage, "options");
  const all = options.map((option) => [
    option.name,
    option.name === "tiling" ? true : option.default,
  ]);
  const events = ["image.uploaded", "analysis.completed"];
  return [
    florence("All options", {
      resource: "object",
      operation: "detect",
      options: Object.fromEntries(all),
    }),
    {
      ...florence("Florence Trigger", { events }),
      type: `${PACKAGE}.florenceTrigger`,
    },
    {
      ...florence("As a tool of an AI Agent", {
        resource: "object",
        operation: "detectOpen",
      }),
      type: `${PACKAGE}.florenceTool`,
    },
  ];
}

/** The credential as it is edited, of the node that is open. */
async function credentialOf(editor: Editor): Promise<Buffer> {
  const { page } = editor;
  await page.click(testId("credential-edit-button"));
  const modal = testId("editCredential-modal");
  await page.waitForSelector(modal);
  await page.waitForTimeout(2500); // it tests itself as it opens
  return await editor.picture(modal);
}

/** A workflow that ran: its nodes, what came out, the annotated picture. */
async function ran(editor: Editor, stage: Stage): Promise<[string, Buffer][]> {
  const { page } = editor;
  const detect = { resource: "object", operation: "detect", annotated: true };
  const node = florence("Detect Objects", detect);
  await editor.openWorkflow(await asking(stage, "First workflow", node));
  await editor.execute();
  const canvas = await editor.canvas();
  await editor.openNode("Detect Objects");
  const output = page.locator(testId("output-panel"));
  await output.locator(testId("radio-button-json")).click();
  await page.waitForTimeout(500);
  const json = await editor.node(800);
  await output.locator(testId("radio-button-binary")).click();
  await output.locator(testId("ndv-view-binary-data")).nth(1).click();
  await page.waitForTimeout(1500);
  return [
    ["first-workflow", canvas],
    ["objects", json],
    ["annotated", await editor.node(800)],
    ["credential", await credentialOf(editor)],
  ];
}

/** What the panel says when something is wrong. */
async function errors(editor: Editor, stage: Stage): Promise<Titled[]> {
  const detect = { resource: "object", operation: "detect" };
  const failing: readonly (readonly [string, Node])[] = [
    ["A key of another service", florence("Detect", detect, "wrongkey")],
    [
      "A task that the model was not trained for",
      florence("Read", { resource: "text", operation: "read" }),
    ],
    [
      "No such field",
      florence("Detect", {
        ...detect,
        binaryPropertyName: "photo",
        imageSource: "binary",
      }),
    ],
    [
      "A region that is none",
      florence("Describe", {
        resource: "region",
        operation: "describe",
        regionsFrom: "json",
        regionsJson: '[{ "x_min": "left" }]',
      }),
    ],
  ];
  const pictures: Titled[] = [];
  for (const [title, node] of failing) {
    await editor.openWorkflow(await asking(stage, title, node));
    await editor.execute();
    await editor.openNode(node.name);
    pictures.push({ title, webp: await editor.output(330) });
  }
  return pictures;
}

async function workflows(editor: Editor, stage: Stage): Promise<Titled[]> {
  const pictures: Titled[] = [];
  for (const file of exampleFiles()) {
    await editor.openWorkflow(
      await importExample(stage.n8n, file, { florence: "box" }),
    );
    pictures.push({ title: file, webp: await editor.canvas() });
  }
  return pictures;
}
