// Opens a bundle from a folder on this machine.

import {
  openModel,
  readManifest,
  type LoadedModel,
} from "../shared/model/open-model.ts";
import { bundleFolder, verifyBundleFolder } from "./bundle-folder.ts";
import {
  createNodeSessions,
  type NodeSessionOptions,
} from "./onnxruntime-session.ts";

/**
 * Opens the bundle in a folder on ONNX Runtime's CPU provider, after checking
 * every file's hash. The caller disposes `model`.
 *
 * @throws FlorenceError `bundle_invalid` (naming the file), `bundle_too_new`.
 */
export async function openBundle(
  folder: string,
  options: NodeSessionOptions = {},
): Promise<LoadedModel> {
  const source = bundleFolder(folder);
  await verifyBundleFolder(folder, await readManifest(source));
  return await openModel(source, createNodeSessions(options));
}
