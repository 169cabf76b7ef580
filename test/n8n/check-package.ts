// What judges the n8n package without n8n: its own build and lint, and both legs of
// the scanner of verified community nodes. n8n's rules stand in for those of the
// root, whose `eslint` leaves the folder out.
//
//   npm run lint:n8n

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installTools } from "./installed-trees.ts";
import { makeTarball } from "./package-tarball.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-n8n-package-"));
try {
  await makeTarball(installTools(), folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
