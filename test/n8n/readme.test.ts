import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { exampleFiles } from "./example-workflows.ts";
import { withTable } from "./readme-table.ts";

const FOLDER = new URL("../../plugins/n8n/", import.meta.url);
const readme = readFileSync(new URL("README.md", FOLDER), "utf8");

const source = (path: string): string =>
  readFileSync(new URL(`nodes/${path}.ts`, FOLDER), "utf8");

test("the README's operations are the node's; else run test/n8n/make-readme-table.ts", async () => {
  assert.equal(await withTable(readme), readme);
});

test("every picture and workflow that the README shows is there", () => {
  const shown = [...readme.matchAll(/\]\(((?:pictures|workflows)\/[^)]+)\)/gu)];
  assert.ok(shown.length >= 6);
  for (const [, path = ""] of shown) {
    assert.ok(existsSync(new URL(path, FOLDER)), path);
  }
  for (const file of exampleFiles()) {
    assert.ok(readme.includes(`(workflows/${file})`), file);
  }
});

test("every link within the README leads to a heading", () => {
  const headings = [...readme.matchAll(/^## (.+)$/gmu)].map(([, title = ""]) =>
    title.toLowerCase().replace(/ /gu, "-"),
  );
  for (const [, anchor = ""] of readme.matchAll(/\]\(#([^)]+)\)/gu)) {
    assert.ok(headings.includes(anchor), anchor);
  }
});

test("the README names every option, and no other", () => {
  const text = source("Florence/descriptions/option-fields");
  const titles = [...text.matchAll(/^ {8}displayName: "([^"]+)"/gmu)].map(
    ([, title = ""]) => title.replace(" Name or ID", ""),
  );
  const [, section = ""] = /\n## Options\n(.+?)\n## /su.exec(readme) ?? [];
  const named = [...section.matchAll(/^\| ([^|]+?) +\|/gmu)]
    .flatMap(([, cell = ""]) => cell.split(", "))
    .filter((name) => name !== "Option" && !/^-+$/u.test(name));
  assert.deepEqual(named.sort(), titles.sort());
});

test("the errors that the README explains are the node's words, or the service's", () => {
  const files = [
    "Florence/pick-binary",
    "Florence/read-regions",
    "shared/problem",
    "shared/transport",
  ];
  const said = [
    ...files.map(source),
    readFileSync(
      new URL("../../src/shared/schema/problem.ts", import.meta.url),
      "utf8",
    ),
  ].join("\n");
  const [, section = ""] =
    /\n## When something is wrong\n(.+?)\n## /su.exec(readme) ?? [];
  const messages = [...section.matchAll(/^\| ([^|]+?) +\|/gmu)]
    .map(([, cell = ""]) => cell)
    .filter((cell) => cell !== "Message" && !/^-+$/u.test(cell));
  assert.ok(messages.length >= 7);
  for (const message of messages) {
    const [words = ""] = /has no number as|[^.\d]+/u.exec(
      message.replace("Region 1 ", ""),
    ) ?? [""];
    assert.ok(said.includes(words.trim()), message);
  }
});
