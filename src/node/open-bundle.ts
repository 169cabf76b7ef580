// Opens a bundle from a folder on this machine.

import {
  type KernelHost,
  openModel,
  readManifest,
  type LoadedModel,
} from "../shared/model/open-model.ts";
import { bundleFolder, verifyBundleFolder } from "./bundle-folder.ts";
import { readKernelModules } from "./kernel-modules.ts";
import {
  createNodeSessions,
  type NodeSessionOptions,
} from "./onnxruntime-session.ts";
import { adoptTransformersJsFolder } from "./transformers-js-folder.ts";

/** What the kernels may have on a machine of its own. */
const MAX_BYTES = 2 ** 31;

/** The kernels as Node gives them; files are read where a bundle needs them. */
export const NODE_KERNELS: KernelHost = {
  readModules: readKernelModules,
  maxBytes: MAX_BYTES,
};

/**
 * Opens the bundle in a folder on ONNX Runtime's CPU provider, or on the kernels
 * where it was made for them, after checking every file's hash. A folder laid out as transformers.js has it (`onnx/` with
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
  return await openModel(source, createNodeSessions(options), NODE_KERNELS);
}
