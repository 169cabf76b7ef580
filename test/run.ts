// Runs every test of the project with Node's own runner and ends with one line
// "N passed, N failed". Arguments are files or folders; all of `test` if none.

import { globSync } from "node:fs";
import { statSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import process from "node:process";

const wanted = process.argv.slice(2);
const files = (wanted.length === 0 ? ["test", "plugins"] : wanted).flatMap(
  (path) =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
      ? globSync(`${path}/**/*.test.ts`, {
          exclude: ["**/node_modules/**"],
        })
      : [path],
);

let passed = 0;
let failed = 0;
let skipped = 0;

const events = run({ files: files.sort(), concurrency: 2, timeout: 600_000 });
events.on("test:pass", (event) => {
  if (event.details.type === "suite") return;
  if (event.skip !== undefined) skipped += 1;
  else passed += 1;
});
events.on("test:fail", (event) => {
  if (event.details.type === "suite") return;
  failed += 1;
});
events.on("end", () => {
  const tail = skipped > 0 ? `, ${skipped} skipped` : "";
  console.log(`${passed} passed, ${failed} failed${tail}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
});
events.compose(spec).pipe(process.stdout);
