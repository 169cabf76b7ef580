#!/usr/bin/env node
// Starts the command line. Plain JavaScript, so that a Node too old to run
// TypeScript gets this far: it hands over to the Node that came with the
// package, or says what is wrong.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

if (process.features.typescript) {
  const { runProcess } = await import("./run-process.ts");
  await runProcess();
} else {
  const node = ["node", "node.exe"]
    .map(
      (name) => new URL(`../../node_modules/node/bin/${name}`, import.meta.url),
    )
    .map((url) => fileURLToPath(url))
    .find((path) => existsSync(path));
  if (node === undefined) {
    process.stderr.write(
      `florence: Node ${process.versions.node} cannot run TypeScript. Run npm ci, which brings a Node that can, or use Node 22.18 or later.\n`,
    );
    process.exit(5);
  }
  const self = fileURLToPath(import.meta.url);
  const inner = spawn(node, [self, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  // Ctrl-C reaches both processes; the inner one answers it. What is sent to
  // this one alone is passed on.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => inner.kill("SIGTERM"));
  inner.on("exit", (code) => process.exit(code ?? 70));
}
