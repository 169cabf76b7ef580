// n8n's editor in a headless browser: signed in, at a workflow or a node, and
// pictures of what it shows.

import process from "node:process";
import { chromium, type Page } from "playwright-core";
import { OWNER } from "./n8n-process.ts";

/** Debian's; another's path is told by the environment. */
const BROWSER = process.env["FLORENCE_CHROMIUM"] ?? "/usr/bin/chromium";

const VIEW = { width: 1400, height: 1100 };

/** So that no panel has to be scrolled, not even one with all options. */
const TALL_VIEW = { width: 1400, height: 2300 };

/** The editor is 10 MB of scripts, and the machine may be busy. */
const TIMEOUT_MS = 180_000;

export interface Editor {
  readonly page: Page;
  /** Opens a workflow, all its nodes in view. */
  openWorkflow(id: string): Promise<void>;
  /** Opens the panel of a node of the workflow. */
  openNode(name: string): Promise<void>;
  closeNode(): Promise<void>;
  /** Presses *Execute workflow*, and waits until nothing is under way. */
  execute(): Promise<void>;
  /** What the open node's panel asks, without the empty space below it. */
  panel(): Promise<Buffer>;
  /** The open node with what went in and what came out. */
  node(heightPx: number): Promise<Buffer>;
  /** What came out of the open node. */
  output(heightPx: number): Promise<Buffer>;
  /** The nodes and notes of the open workflow. */
  canvas(): Promise<Buffer>;
  /** A picture of a part, as WebP, as all pictures are. */
  picture(selector: string): Promise<Buffer>;
  /** Pictures beside and below each other, as one. */
  sheet(pictures: readonly Titled[], columns: number): Promise<Buffer>;
  close(): Promise<void>;
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An element, as far as it is asked here. */
interface Placed {
  getBoundingClientRect(): Rectangle;
}

export interface Titled {
  readonly title: string;
  readonly webp: Buffer;
}

/** Starts a browser, and signs in; its starter closes it. */
export async function openEditor(origin: string): Promise<Editor> {
  const browser = await chromium.launch({
    executablePath: BROWSER,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage({ viewport: VIEW });
  page.setDefaultTimeout(TIMEOUT_MS);
  await page.goto(`${origin}/signin`);
  await page.fill("input[name=emailOrLdapLoginId]", OWNER.email);
  await page.fill("input[name=password]", OWNER.password);
  await page.click(testId("form-submit-button"));
  await page.waitForURL(/\/(home|workflow)/u, { waitUntil: "commit" });
  const settle = (): Promise<void> => page.waitForTimeout(500);
  // In one call: a panel has a hundred parts.
  const boxesOf = (selector: string): Promise<Rectangle[]> =>
    page.locator(selector).evaluateAll((elements: readonly Placed[]) =>
      elements
        .map((element) => element.getBoundingClientRect())
        .filter(({ width }) => width > 0)
        .map(({ x, y, width, height }) => ({ x, y, width, height })),
    );
  const boxOf = async (selector: string): Promise<Rectangle> => {
    const [first] = await boxesOf(selector);
    if (first === undefined) throw new Error(`the editor shows no ${selector}`);
    return first;
  };
  const clipped = async (of: () => Promise<Rectangle>): Promise<Buffer> => {
    // The field under the mouse shows more than the others.
    await page.mouse.move(0, 0);
    // Messages in the corner would be in the picture.
    await page.addStyleTag({
      content: ".el-notification { display: none }",
    });
    return await takeWebp(page, await of());
  };
  return {
    page,
    async openWorkflow(id) {
      await page.setViewportSize(VIEW);
      await page.goto(`${origin}/workflow/${id}`);
      await page.waitForSelector(testId("canvas-node"));
      await settle();
    },
    async openNode(name) {
      await page.dblclick(`${testId("canvas-node")}[data-node-name="${name}"]`);
      await page.waitForSelector(testId("ndv"));
      await settle();
    },
    async closeNode() {
      await page.keyboard.press("Escape");
      await page.waitForSelector(testId("ndv"), { state: "detached" });
    },
    async execute() {
      const button = page.locator(testId("execute-workflow-button"));
      await button.click();
      await page
        .waitForSelector(testId("stop-execution-button"), {
          state: "attached",
          timeout: 2000,
        })
        .catch(() => null); // it may be over already
      await page.waitForSelector(testId("stop-execution-button"), {
        state: "detached",
      });
      await settle();
    },
    panel: () =>
      clipped(async () => {
        await page.setViewportSize(TALL_VIEW);
        await settle();
        const panel = await boxOf(testId("node-parameters"));
        const fields = await boxesOf(
          `${testId("node-parameters")} :is(${testId("parameter-item")}, button)`,
        );
        const end = Math.max(...fields.map(({ y, height }) => y + height));
        return { ...panel, height: end - panel.y + 24 };
      }),
    node: (height) =>
      clipped(async () => ({ ...(await boxOf(testId("ndv"))), height })),
    output: (height) =>
      clipped(async () => ({
        ...(await boxOf(testId("output-panel"))),
        height,
      })),
    canvas: () =>
      clipped(async () => {
        const parts = await boxesOf(".vue-flow__node");
        const x = Math.min(...parts.map((one) => one.x)) - 80;
        const y = Math.min(...parts.map((one) => one.y)) - 30;
        const right = Math.max(...parts.map((one) => one.x + one.width)) + 90;
        const end = Math.max(...parts.map((one) => one.y + one.height)) + 90;
        return { x, y, width: right - x, height: end - y };
      }),
    picture: (selector) => clipped(() => boxOf(selector)),
    sheet: async (pictures, columns) =>
      drawSheet(await browser.newPage(), pictures, columns),
    close: () => browser.close(),
  };
}

/** An element by the name that n8n's own tests know it by. */
export function testId(id: string): string {
  return `[data-test-id=${id}]`;
}

/** A third of a PNG's size, text still sharp. */
async function takeWebp(page: Page, of: Rectangle): Promise<Buffer> {
  const browser = await page.context().newCDPSession(page);
  const { data } = await browser.send("Page.captureScreenshot", {
    format: "webp",
    quality: 85,
    captureBeyondViewport:
      of.height > (page.viewportSize()?.height ?? 0) ||
      of.width > (page.viewportSize()?.width ?? 0),
    clip: { ...of, scale: 1 },
  });
  await browser.detach();
  return Buffer.from(data, "base64");
}

async function drawSheet(
  page: Page,
  pictures: readonly Titled[],
  columns: number,
): Promise<Buffer> {
  const figures = pictures.map(
    ({ title, webp }) =>
      `<figure><figcaption>${title}</figcaption><img src="data:image/webp;base64,${webp.toString("base64")}"></figure>`,
  );
  await page.setContent(
    `<style>
      body { margin: 0; font: 600 18px sans-serif; }
      main { display: grid; grid-template-columns: repeat(${columns}, max-content); align-items: start; gap: 16px; padding: 16px; width: max-content; background: #eee; }
      figure { width: min-content; margin: 0; background: #fff; }
      figcaption { padding: 8px 16px; background: #ddd; }
      img { display: block; }
    </style><main>${figures.join("")}</main>`,
  );
  const whole = await page.locator("main").boundingBox();
  if (whole === null) throw new Error("internal: the sheet shows nothing");
  const webp = await takeWebp(page, whole);
  await page.close();
  return webp;
}
