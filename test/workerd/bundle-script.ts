// The product's Worker bundled as for a deployment, which it is not.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

/** What would be uploaded; its maker deletes it. */
export interface BundledScript {
  readonly folder: string;
  /** Names of the script and its modules, the script first. */
  readonly files: readonly string[];
  [Symbol.dispose](): void;
}

/** What to bundle, where that is not the root's `wrangler.toml`. */
export interface ScriptOptions {
  readonly config?: string;
  /** Where the script begins, in place of what the file names. */
  readonly main?: string;
  /** Folder of static assets, in place of the one the file names. */
  readonly assets?: string;
}

/** Bundles what a `wrangler.toml` describes. */
export async function bundleScript(
  options: ScriptOptions = {},
): Promise<BundledScript> {
  const folder = mkdtempSync(join(tmpdir(), "florence-script-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const require = createRequire(import.meta.url);
    const wrangler = join(
      dirname(require.resolve("wrangler/package.json")),
      "bin/wrangler.js",
    );
    await promisify(execFile)(
      process.execPath,
      [
        ...[wrangler, "deploy"],
        ...(options.main === undefined ? [] : [options.main]),
        ...["--dry-run", "--outdir", folder],
        ...(options.config === undefined ? [] : ["-c", options.config]),
        ...(options.assets === undefined ? [] : ["--assets", options.assets]),
      ],
      { env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
    );
  } catch (error) {
    remove();
    throw error;
  }
  const modules = readdirSync(folder)
    // Source maps and wrangler's own note are not uploaded.
    .filter((name) => !name.endsWith(".map") && name !== "README.md")
    .toSorted((a, b) => Number(b.endsWith(".js")) - Number(a.endsWith(".js")));
  return { folder, files: modules, [Symbol.dispose]: remove };
}
