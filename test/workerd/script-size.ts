// What would be uploaded: the script with its modules, without static assets.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundleScript, type ScriptOptions } from "./bundle-script.ts";

export interface ScriptSize {
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Bytes of the script and of each module, by name, the largest first. */
  readonly parts: readonly (readonly [string, number])[];
}

/** Bundles a Worker, the product's if nothing else is said, and weighs it. */
export async function measureScript(
  options: ScriptOptions = {},
): Promise<ScriptSize> {
  using script = await bundleScript(options);
  const files = script.files.map(
    (name) => [name, readFileSync(join(script.folder, name))] as const,
  );
  const sum = (of: (file: Buffer) => number): number =>
    files.reduce((total, [, file]) => total + of(file), 0);
  return {
    bytes: sum((file) => file.length),
    gzipBytes: sum((file) => gzipSync(file).length),
    parts: files
      // Modules are named by their hashes, too.
      .map(
        ([name, file]) =>
          [name.replace(/^[0-9a-f]{40}-/u, ""), file.length] as const,
      )
      .toSorted(([, a], [, b]) => b - a),
  };
}
