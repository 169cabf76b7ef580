// What would be uploaded: the script with its modules, without static assets.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundleScript } from "./bundle-script.ts";

export interface ScriptSize {
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Bundles the product's Worker and weighs it. */
export async function measureScript(): Promise<ScriptSize> {
  using script = await bundleScript();
  const files = script.files.map((name) =>
    readFileSync(join(script.folder, name)),
  );
  return {
    bytes: files.reduce((sum, file) => sum + file.length, 0),
    gzipBytes: files.reduce((sum, file) => sum + gzipSync(file).length, 0),
  };
}
