// Runs one phase, told as JSON, in a process of its own that a test can kill or
// forbid to write: prints each photo when its lines are written.

import { isFlorenceError } from "../../src/shared/errors.ts";
import { runPhase, type PhaseCall } from "./phases.ts";

try {
  await runPhase(JSON.parse(process.argv[2]!) as PhaseCall, (path) => {
    process.stdout.write(`${path}\n`);
  });
} catch (error) {
  if (!isFlorenceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 3;
}
