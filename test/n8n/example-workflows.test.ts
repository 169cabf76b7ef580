import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleFiles, readExample } from "./example-workflows.ts";

const OURS = /^n8n-nodes-florence\.florence(Tool|Trigger)?$/u;
const CORE = /^(n8n-nodes-base|@n8n\/n8n-nodes-langchain)\./u;
const NOTE = "n8n-nodes-base.stickyNote";

for (const file of exampleFiles()) {
  const { connections, name, nodes } = readExample(file);
  const notes = nodes.filter(({ type }) => type === NOTE);
  const working = nodes.filter(({ type }) => type !== NOTE);

  test(`${file}: core nodes and ours, without credentials`, () => {
    assert.match(name, /^Florence: /u);
    assert.ok(working.some(({ type }) => OURS.test(type)));
    for (const node of working) {
      assert.ok(OURS.test(node.type) || CORE.test(node.type), node.type);
      assert.equal(node.credentials, undefined, node.name);
    }
  });

  test(`${file}: names say what a node does, each once`, () => {
    const names = nodes.map((node) => node.name);
    assert.equal(new Set(names).size, names.length);
    for (const [from, outputs] of Object.entries(connections)) {
      assert.ok(names.includes(from), from);
      for (const link of Object.values(outputs).flat(2)) {
        assert.ok(link === null || names.includes(link.node), link?.node);
      }
    }
  });

  test(`${file}: a note says how to set it up and try it, and names only nodes there are`, () => {
    const text = notes
      .map(({ parameters }) => parameters["content"])
      .join("\n");
    assert.match(text, /\*\*Set up\*\*\n1\. /u);
    assert.match(text, /\*\*Try it:\*\*/u);
    const bold = [...text.matchAll(/\*\*([^*]+)\*\*/gu)]
      .map(([, words = ""]) => words)
      .filter((words) => !/^(Set up|Try it:|What comes back:)$/u.test(words));
    for (const one of bold) {
      assert.ok(
        working.some((node) => node.name === one),
        one,
      );
    }
  });

  test(`${file}: no note covers a node`, () => {
    for (const { parameters, position } of notes) {
      const [left, top] = position;
      const [width, height] = [parameters["width"], parameters["height"]];
      for (const { name: covered, position: at } of working) {
        const isBelow = at[1] >= top + Number(height);
        const isBeside = at[0] >= left + Number(width) || at[0] + 100 <= left;
        assert.ok(isBelow || isBeside, covered);
      }
    }
  });
}
