// A folder that goes with its test.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export async function temporaryFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "florence-data-engine-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
