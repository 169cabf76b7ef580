// Every block of docs/api.md that is marked `run` is run against a service, and
// prints what stands below it.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  ALLOWED_PORTS,
  MAX_URL_LENGTH,
} from "../../src/http/outbound/address-rules.ts";
import { startNodeTarget, type NodeTarget } from "../server/node-target.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DOCS = readFileSync(join(ROOT, "docs/api.md"), "utf8");

interface Block {
  readonly language: string;
  readonly heading: string;
  readonly text: string;
  /** Lines that must be in what it prints. */
  readonly output: readonly string[];
}

let target: NodeTarget;
// Below the root, so that packages are found from it.
const folder = mkdtempSync(join(ROOT, "test/docs/run-"));

before(async () => {
  const build = spawnSync("npm", ["run", "build"], {
    cwd: join(ROOT, "packages/client"),
    encoding: "utf8",
  });
  assert.equal(build.status, 0, build.stdout + build.stderr);
  target = await startNodeTarget();
});
after(async () => {
  rmSync(folder, { recursive: true });
  await target.close();
});

const blocks = readBlocks(DOCS);

for (const [index, block] of blocks.entries()) {
  test(`${block.heading}: ${block.language}, block ${index + 1}`, async () => {
    const stdout = await run(block, index);
    for (const line of block.output) {
      assert.ok(stdout.includes(line), `${line}\n--- is not in ---\n${stdout}`);
    }
    // What no output is shown of must be an answer that is no problem.
    if (block.output.length === 0) {
      assert.ok(stdout.trim() !== "");
      assert.ok(!stdout.includes('"code":'), stdout);
    }
  });
}

test("shows every part with curl, TypeScript and Python", () => {
  const headings = [...DOCS.matchAll(/^## (.*)$/gmu)].map(([, text]) => text!);
  assert.ok(headings.length >= 8);
  for (const heading of headings) {
    const languages = [
      ...DOCS.split(`## ${heading}\n`)[1]!
        .split(/^## /mu)[0]!
        .matchAll(/^```(\w+)/gmu),
    ].map(([, language]) => language);
    assert.ok(languages.includes("sh"), `${heading}: sh`);
    assert.ok(languages.includes("ts"), `${heading}: ts`);
    assert.ok(languages.includes("python"), `${heading}: python`);
  }
});

test("names the rules of addresses as they are", () => {
  const rules = DOCS.split("### Addresses that may be named")[1]!;
  const ports = /on ports ([\d, and]+),/u.exec(rules)![1]!;
  assert.deepEqual(ports.match(/\d+/gu)!.map(Number), ALLOWED_PORTS);
  assert.ok(rules.includes(MAX_URL_LENGTH.toLocaleString("en-US")));
});

function readBlocks(markdown: string): readonly Block[] {
  const found: Block[] = [];
  let heading = "";
  const parts = markdown.matchAll(
    /^## (.*)$|^```(\w+) ?(\w*)\n([^]*?)^```$/gmu,
  );
  for (const [, title, language, mark, text] of parts) {
    if (title !== undefined) heading = title;
    if (language === undefined || text === undefined) continue;
    if (mark === "run") found.push({ language, heading, text, output: [] });
    const last = found.at(-1);
    if (mark === "output" && last !== undefined) {
      found[found.length - 1] = { ...last, output: text.trim().split("\n") };
    }
  }
  return found;
}

async function run({ language, text }: Block, index: number): Promise<string> {
  const [command, args, file] = commandOf(language, text, index);
  if (file !== null) writeFileSync(file, text);
  const { stdout } = await promisify(execFile)(command, args, {
    cwd: ROOT,
    timeout: 60_000,
    maxBuffer: 20_000_000,
    env: {
      ...process.env,
      TMPDIR: folder,
      FLORENCE_URL: target.origin,
      FLORENCE_KEY: target.keys.first,
    },
  });
  return stdout;
}

function commandOf(
  language: string,
  text: string,
  index: number,
): readonly [string, string[], string | null] {
  switch (language) {
    case "sh":
      return ["bash", ["-euo", "pipefail", "-c", text], null];
    case "ts": {
      const file = join(folder, `block-${index}.ts`);
      return [process.execPath, [file], file];
    }
    case "python":
      return ["python3", ["-c", text], null];
    default:
      throw new Error(`nobody runs ${language}`);
  }
}
