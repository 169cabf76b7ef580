// A bundle behind an address: its files are fetched where they are needed, and
// checked against the manifest's hashes.

import { FlorenceError, type ErrorCode } from "../shared/errors.ts";
import type { BundleSource } from "../shared/model/bundle-source.ts";
import { parseManifest, type Manifest } from "../shared/model/manifest.ts";
import { sha256 } from "./platform.ts";

/**
 * The bundle in the folder at `address`.
 *
 * Files of weights are streamed; who reads them checks them by the hashes of
 * `edge.json`, which is itself checked here.
 *
 * @param address the folder, with a slash at its end.
 * @throws FlorenceError `bundle_invalid` if there is no manifest,
 *   `bundle_too_new`.
 */
export async function openFetchedBundle(
  address: string,
): Promise<BundleSource> {
  const bytes = await fetchFile("manifest.json", address, "bundle_invalid");
  const manifest = readManifest(bytes, address);
  return {
    name: address,
    async read(file) {
      if (file === "manifest.json") return bytes.slice();
      const read = await fetchFile(file, address, "bundle_invalid");
      await verify(file, read, manifest);
      return read;
    },
    async *stream(file) {
      const body = await openFile(file, address, "bundle_invalid");
      const reader = body.getReader();
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          yield value;
        }
      } finally {
        // Nothing is left to read, or nobody reads on.
        await reader.cancel().catch(() => undefined);
      }
    },
  };
}

/**
 * The bytes of one file.
 *
 * @param code of the error if it cannot be had.
 */
export async function fetchFile(
  file: string,
  folder: string,
  code: ErrorCode = "engine_unavailable",
): Promise<Uint8Array<ArrayBuffer>> {
  const body = await openFile(file, folder, code);
  return new Uint8Array(await new Response(body).arrayBuffer());
}

async function openFile(
  file: string,
  folder: string,
  code: ErrorCode,
): Promise<ReadableStream<Uint8Array>> {
  const address = new URL(file, folder);
  const response = await fetch(address).catch((cause: unknown) => {
    const message = `${address.href} cannot be fetched. Is the server up, and does it let this page read it?`;
    throw new FlorenceError(code, message, { cause, retryable: true });
  });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  throw new FlorenceError(
    code,
    `${address.href} is not there (status ${response.status}). Serve the whole folder.`,
  );
}

function readManifest(bytes: Uint8Array, address: string): Manifest {
  let input: unknown;
  try {
    input = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FlorenceError(
      "bundle_invalid",
      `manifest.json at ${address} is not JSON. Is it the folder of a bundle?`,
      { cause },
    );
  }
  return parseManifest(input);
}

async function verify(
  file: string,
  bytes: Uint8Array,
  manifest: Manifest,
): Promise<void> {
  const expected = manifest.files.find(({ name }) => name === file);
  if (expected?.sha256 === (await sha256(bytes))) return;
  throw new FlorenceError(
    "bundle_invalid",
    `${file} is not the file that the manifest of ${manifest.id} describes (${bytes.length} bytes, ${expected?.bytes ?? 0} expected, or another hash). Serve all files of one bundle.`,
  );
}
