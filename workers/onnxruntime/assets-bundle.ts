// A bundle of graphs among the static assets, each file checked against the
// manifest's hash.

import { FlorenceError } from "../../src/shared/errors.ts";
import type { BundleSource } from "../../src/shared/model/bundle-source.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import { sha256 } from "../edge/platform.ts";

/** Asks the static assets for a file of the bundle. */
export type FetchAsset = (name: string) => Promise<Response>;

/** Reads a bundle whose manifest is known. */
export function assetsBundle(
  manifest: Manifest,
  fetchAsset: FetchAsset,
): BundleSource {
  return {
    name: manifest.id,
    async read(name) {
      if (name === "manifest.json") {
        return new TextEncoder().encode(JSON.stringify(manifest));
      }
      const bytes = await readAsset(name, fetchAsset);
      await verify(name, bytes, manifest);
      return bytes;
    },
  };
}

/**
 * A file's bytes, in a buffer of their own.
 *
 * @throws FlorenceError `bundle_invalid` if there is no such file.
 */
export async function readAsset(
  name: string,
  fetchAsset: FetchAsset,
): Promise<Uint8Array> {
  const response = await fetchAsset(name);
  if (!response.ok) {
    throw new FlorenceError(
      "bundle_invalid",
      `${name} is not among the Worker's static assets (status ${response.status}). Deploy the Worker with a whole bundle.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function verify(
  name: string,
  bytes: Uint8Array,
  manifest: Manifest,
): Promise<void> {
  const expected = manifest.files.find((file) => file.name === name);
  if (expected?.sha256 === (await sha256(bytes))) return;
  throw new FlorenceError(
    "bundle_invalid",
    `${name} is not the file that the manifest of ${manifest.id} describes (${bytes.length} bytes, ${expected?.bytes ?? 0} expected, or another hash). Deploy the Worker with a whole bundle.`,
  );
}
