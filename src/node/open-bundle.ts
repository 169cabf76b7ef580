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
import { adoptTransformersJsFolder } from "./transformers-js-folder.ts";

/**
 * Opens the bundle in a folder on ONNX Runtime's CPU provider, after checking
 * every file's hash. A folder laid out as transformers.js has it (`onnx/` with
 * four graphs) is opened as it is. The caller disposes `model`.
 *
 * @throws FlorenceError `bundle_invalid` (naming the file), `bundle_too_new`.
 */
export async function openBundle(
  folder: string,
  options: NodeSessionOptions = {},
): Promise<LoadedModel> {
  const adopted = await adoptTransformersJsFolder(folder);
  if (adopted !== null) {
    return await openModel(adopted, createNodeSessions(options));
  }
  const source = bundleFolder(folder);
  await verifyBundleFolder(folder, await readManifest(source));
  return await openModel(source, createNodeSessions(options));
}
