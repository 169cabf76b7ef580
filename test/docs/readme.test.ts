// The README promises commands and shows an output: both are held to the code.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";

const ROOT = new URL("../../", import.meta.url);
const README = readFileSync(new URL("README.md", ROOT), "utf8");

function florence(...args: readonly string[]): string {
  return execFileSync(process.execPath, ["src/cli/florence.js", ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
}

test("shows what the first command prints", () => {
  const photo = "examples/photos/surfer.jpg";
  assert.ok(README.includes(`npx florence analyze ${photo}`));
  const [envelope] = [JSON.parse(florence("analyze", photo, "--json"))] as [
    { results: { text?: string; objects?: { label: string }[] }[] },
  ];
  const shown = README.split("<!-- output of the first command -->")[1];
  assert.ok(shown !== undefined);
  const words = shown.split("```")[1]!.replace(/\s+/gu, " ");
  for (const { text, objects = [] } of envelope.results) {
    if (text !== undefined) assert.ok(words.includes(text), text);
    for (const { label } of objects) assert.ok(words.includes(label), label);
  }
});

test("names only commands and flags there are", () => {
  const lines = README.split("\n").filter((line) =>
    line.startsWith("florence "),
  );
  assert.ok(lines.length >= 6);
  for (const line of lines) {
    const [command, ...rest] = line
      .split("#")[0]!
      .trim()
      .split(/\s+/u)
      .slice(1);
    const help = florence(command!, "--help");
    for (const word of rest.filter((part) => part.startsWith("--"))) {
      assert.ok(help.includes(word), `${command!} ${word}`);
    }
  }
});

test("names only npm scripts and files there are", () => {
  const { scripts } = JSON.parse(
    readFileSync(new URL("package.json", ROOT), "utf8"),
  ) as { scripts: Record<string, string> };
  for (const [, name] of README.matchAll(/npm run ([\w:-]+)/gu)) {
    assert.ok(name! in scripts, name);
  }
  for (const [, path] of README.matchAll(/\]\((?!https?:)([^)#]+)\)/gu)) {
    assert.ok(existsSync(new URL(path!, ROOT)), path);
  }
});
