// Pictures of the package in n8n's editor, for its README: every panel, a workflow
// that ran, what came out, and errors as a user sees them.
//
//   node test/n8n/screenshots.ts [folder] [parts]    needs Chromium; FLORENCE_CHROMIUM says where
//
// Each picture is written as it is taken, those of a sheet into `parts` too: one
// that fails late takes none of the earlier with it.

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

const PACKAGE = "n8n-nodes-florence";

const NO_PHOTO = "No picture in the item";

if (import.meta.main) {
  const [, , folder = FOLDER, parts] = process.argv;
  await main(
    folder,
    parts ?? mkdtempSync(join(tmpdir(), "florence-pictures-")),
  );
}

async function main(folder: string, parts: string): Promise<void> {
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
      await takeAll({ n8n, photos: site.origin }, folder, parts);
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
export async function takeAll(
  stage: Stage,
  folder: string,
  parts: string,
): Promise<void> {
  const editor = await openEditor(stage.n8n.origin);
  const keep = keeperIn(folder);
  const keepPart = keeperIn(parts);
  const sheet = async (
    name: string,
    pictures: AsyncIterable<Titled>,
    columns: number,
  ): Promise<void> => {
    const all: Titled[] = [];
    for await (const one of pictures) {
      keepPart(one.title, one.webp);
      all.push(one);
    }
    keep(name, await editor.sheet(all, columns));
  };
  try {
    const [operations, others] = [
      await operationNodes(stage),
      await otherNodes(stage),
    ];
    await sheet("operations", panels(editor, stage, operations), 5);
    await sheet("more-panels", panels(editor, stage, others), 3);
    await ran(editor, stage, keep);
    await sheet("errors", errors(editor, stage), 2);
    await sheet("workflows", workflows(editor, stage), 2);
  } finally {
    await editor.close();
  }
}

type Keep = (name: string, webp: Buffer) => void;

function keeperIn(folder: string): Keep {
  mkdirSync(folder, { recursive: true });
  return (name, webp) => {
    const file = join(folder, `${name.replace(/[ /]/gu, "-")}.webp`);
    writeFileSync(file, webp);
    console.log(`${file} ${webp.length} bytes`);
  };
}

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

/**
 * A workflow that asks Florence of a photo, at the press of a button.
 *
 * @param withPhoto without, nothing gets the photo.
 */
async function asking(
  stage: Stage,
  name: string,
  node: Node,
  withPhoto = true,
): Promise<string> {
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
  const nodes = withPhoto ? [start, get, node] : [start, node];
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

/** Panels of nodes as they are when new. */
async function* panels(
  editor: Editor,
  stage: Stage,
  nodes: readonly Node[],
): AsyncGenerator<Titled> {
  // One workflow, since to open it takes longest.
  await editor.openWorkflow(
    await saved(stage, "Panels", nodes.map(atOwnPlace)),
  );
  for (const { name } of nodes) {
    await editor.openNode(name);
    yield { title: name, webp: await editor.panel() };
    await editor.closeNode();
  }
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

/** All options, the trigger, a tool. */
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
      typeVersion: 2,
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
async function ran(editor: Editor, stage: Stage, keep: Keep): Promise<void> {
  const { page } = editor;
  const detect = { resource: "object", operation: "detect", annotated: true };
  const node = florence("Detect Objects", detect);
  await editor.openWorkflow(await asking(stage, "First workflow", node));
  await editor.execute();
  keep("first-workflow", await editor.canvas());
  await editor.openNode("Detect Objects");
  const output = page.locator(testId("output-panel"));
  await output.locator(testId("radio-button-json")).click();
  await page.waitForTimeout(500);
  keep("objects", await editor.node(800));
  await output.locator(testId("radio-button-binary")).click();
  await output.locator(testId("ndv-view-binary-data")).nth(1).click();
  await page.waitForTimeout(1500);
  keep("annotated", await editor.node(800));
  keep("credential", await credentialOf(editor));
}

/** What the panel says when something is wrong. */
async function* errors(editor: Editor, stage: Stage): AsyncGenerator<Titled> {
  const detect = { resource: "object", operation: "detect" };
  const failing: readonly (readonly [string, Node])[] = [
    ["A key of another service", florence("Detect", detect, "wrongkey")],
    [
      "A task that the model was not trained for",
      florence("Outline", {
        resource: "segment",
        operation: "byPhrase",
        phrase: "the surfer",
      }),
    ],
    [NO_PHOTO, florence("Detect", detect)],
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
  for (const [title, node] of failing) {
    const withPhoto = title !== NO_PHOTO;
    await editor.openWorkflow(await asking(stage, title, node, withPhoto));
    await editor.execute();
    await editor.openNode(node.name);
    yield { title, webp: await editor.output(370) };
  }
}

async function* workflows(
  editor: Editor,
  stage: Stage,
): AsyncGenerator<Titled> {
  for (const file of exampleFiles()) {
    await editor.openWorkflow(
      await importExample(stage.n8n, file, { florence: "box" }),
    );
    yield { title: file, webp: await editor.canvas() };
  }
}
