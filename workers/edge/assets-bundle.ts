// A bundle in a Worker: manifest and graphs in the script, weights and
// tokenizer among the static assets, each checked against the manifest's hash.

import { FlorenceError } from "../../src/shared/errors.ts";
import type { BundleSource } from "../../src/shared/model/bundle-source.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import { sha256 } from "./platform.ts";

/** The part of a bundle that is deployed with the script. */
export interface ScriptFiles {
  readonly manifest: Manifest;
  /** Graph files by name. */
  readonly graphs: Readonly<Record<string, ArrayBuffer>>;
}

/** Asks the static assets for a file of the bundle. */
export type FetchAsset = (name: string) => Promise<Response>;

/** Reads a bundle from the script, and what is not there from the assets. */
export function assetsBundle(
  files: ScriptFiles,
  fetchAsset: FetchAsset,
): BundleSource {
  const { manifest, graphs } = files;
  return {
    name: manifest.id,
    async read(name) {
      if (name === "manifest.json") {
        return new TextEncoder().encode(JSON.stringify(manifest));
      }
      const graph = graphs[name];
      const bytes =
        graph === undefined
          ? await readAsset(name, fetchAsset)
          : new Uint8Array(graph).slice();
      await verify(name, bytes, manifest);
      return bytes;
    },
  };
}

async function readAsset(
  name: string,
  fetchAsset: FetchAsset,
): Promise<Uint8Array> {
  const response = await fetchAsset(name);
  if (!response.ok) {
    throw new FlorenceError(
      "bundle_invalid",
      `${name} is not among the Worker's static assets (status ${response.status}). Deploy script and assets of one bundle together.`,
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
    `${name} is not the file that the manifest of ${manifest.id} describes (${bytes.length} bytes, ${expected?.bytes ?? 0} expected, or another hash). Deploy script and assets of one bundle together.`,
  );
}
