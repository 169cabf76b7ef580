// The example page, with a photo dropped into it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { SKIP_WITHOUT_CHROMIUM, startChromium } from "./chromium.ts";

const SERVE = fileURLToPath(
  new URL("../../examples/browser/serve.ts", import.meta.url),
);
const PHOTO = fileURLToPath(
  new URL("../../examples/photos/surfer.jpg", import.meta.url),
);
/** Building and converting on a busy machine. */
const TIMEOUT_MS = 300_000;

test("the example answers a photo in the page", async (context) => {
  if (SKIP_WITHOUT_CHROMIUM !== false) {
    context.skip(SKIP_WITHOUT_CHROMIUM);
    return;
  }
  const out = mkdtempSync(join(tmpdir(), "florence-example-"));
  const server = spawn(process.execPath, [SERVE, "--port", "0", "--out", out], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const browser = await startChromium();
  try {
    const [line] = (await once(
      createInterface(server.stdout),
      "line",
    )) as string[];
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(/^http\S+/u.exec(line!)![0]);
    await page
      .getByText(/florence-box is ready: .*, (?:one|\d+) thread/u)
      .waitFor();
    await page.setInputFiles("#file", PHOTO);
    await page.getByText(/^[\d.]+ s on \d+ thread/u).waitFor();
    const text = await page.textContent("#caption");
    assert.equal(text, "A man riding a wave on top of a surfboard.");
    const boxes = await page.locator(".box").allTextContents();
    assert.match(boxes.join(), /^person [\d.]+,surfboard [\d.]+$/u);
  } finally {
    await browser.close();
    server.kill();
    rmSync(out, { recursive: true, force: true });
  }
});
