import assert from "node:assert/strict";
import { test } from "node:test";
import { lackOf, runPython } from "./find-python.ts";

// Python's own tests: examples, resuming, labels, and what may be trained on.
test(
  "the unittests of training pass",
  {
    skip: lackOf("torch", "scipy", "safetensors", "tokenizers", "onnxruntime"),
  },
  async (context) => {
    const { code, stderr } = await runPython(
      "-m unittest discover -v -s test/training".split(" "),
    );
    assert.equal(code, 0, stderr);
    const count = Number(/^Ran (\d+) tests/mu.exec(stderr)?.[1]);
    assert.ok(count > 0, stderr);
    context.diagnostic(stderr.slice(stderr.indexOf("\nRan ")).trim());
    for (const line of stderr.split("\n"))
      if (line.includes("skipped")) context.diagnostic(line);
  },
);
