// What would be uploaded: the script with its modules, without static assets.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

export interface ScriptSize {
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Bundles the product's Worker as for a deployment, which it is not. */
export async function measureScript(): Promise<ScriptSize> {
  const folder = mkdtempSync(join(tmpdir(), "florence-script-"));
  try {
    const require = createRequire(import.meta.url);
    const wrangler = join(
      dirname(require.resolve("wrangler/package.json")),
      "bin/wrangler.js",
    );
    await promisify(execFile)(
      process.execPath,
      [wrangler, "deploy", "--dry-run", "--outdir", folder],
      { env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
    );
    const files = readdirSync(folder)
      // Source maps and wrangler's own note are not uploaded.
      .filter((name) => !name.endsWith(".map") && name !== "README.md")
      .map((name) => readFileSync(join(folder, name)));
    return {
      bytes: files.reduce((sum, file) => sum + file.length, 0),
      gzipBytes: files.reduce((sum, file) => sum + gzipSync(file).length, 0),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
