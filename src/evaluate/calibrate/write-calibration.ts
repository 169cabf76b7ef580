// Puts maps of scores into a bundle's manifest.

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";
import { parseManifest, type Calibration } from "../../shared/model/manifest.ts"; // prettier-ignore

/**
 * Writes maps into `manifest.json` of a bundle; those of other tasks stay. The
 * bundle's `revision` names its weights and does not change.
 *
 * @throws FlorenceError `bundle_invalid` if there is no manifest that could be
 *   written to; `not_found` if it cannot be written.
 */
export async function writeCalibration(
  bundle: string,
  maps: Readonly<Record<string, Calibration>>,
): Promise<void> {
  const path = join(bundle, "manifest.json");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FlorenceError(
      "bundle_invalid",
      `${bundle} has no manifest.json to keep a calibration in. Make a bundle of it with florence convert.`,
      { cause },
    );
  });
  const manifest = parseManifest(JSON.parse(text));
  const calibration = { ...manifest.calibration, ...maps };
  const written = parseManifest({ ...manifest, calibration });
  try {
    // A killed process leaves the old manifest or the new one.
    await writeFile(`${path}.part`, `${JSON.stringify(written, null, 1)}\n`);
    await rename(`${path}.part`, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlorenceError("not_found", `Cannot write ${path}: ${reason}. Copy the bundle to a folder that can be written.`, { cause }); // prettier-ignore
  }
}
