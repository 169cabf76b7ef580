// A model on WebGPU, if the page has it and it gives there what it gives on
// WebAssembly.

import { isFlorenceError } from "../shared/errors.ts";
import { openModel, type LoadedModel } from "../shared/model/open-model.ts";
import { SCRIPTS } from "./built-files.ts";
import { openFetchedBundle } from "./fetched-bundle.ts";
import type * as OnnxSessions from "./onnx-sessions.ts";
import { whatDiffers } from "./self-test.ts";

/** What this room uses of `navigator.gpu`. */
interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/** A model, or why there is none. */
export type WebGpuOutcome =
  { readonly loaded: LoadedModel } | { readonly reason: string };

/**
 * Opens a bundle on WebGPU and tests it.
 *
 * While it is tested the model is there twice.
 *
 * @param address the folder of an ONNX bundle, with a slash at its end.
 */
export async function openOnWebGpu(
  address: string,
  assets: string,
): Promise<WebGpuOutcome> {
  const { gpu } = navigator as { readonly gpu?: Gpu };
  if (gpu === undefined) return { reason: "This browser has no WebGPU." };
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    return { reason: "WebGPU finds no adapter: there is no usable GPU here." };
  }
  try {
    return await openAndTest(address, assets);
  } catch (error) {
    // Broken worlds are reasons, bugs of ours are not.
    if (isFlorenceError(error)) return { reason: error.message };
    throw error;
  }
}

async function openAndTest(
  address: string,
  assets: string,
): Promise<WebGpuOutcome> {
  const script = new URL(SCRIPTS.onnx, assets).href;
  const { createOnnxSessions } = (await import(script)) as typeof OnnxSessions;
  const bundle = await openFetchedBundle(address);
  const tested = await openModel(bundle, createOnnxSessions("webgpu", assets));
  let difference: string | null;
  try {
    const wasm = createOnnxSessions("wasm", assets);
    const reference = await openModel(bundle, wasm);
    try {
      difference = await whatDiffers(tested, reference);
    } finally {
      await reference.model.dispose();
    }
  } catch (error) {
    await tested.model.dispose();
    throw error;
  }
  if (difference === null) return { loaded: tested };
  await tested.model.dispose();
  return { reason: `WebGPU failed its test: ${difference}.` };
}
