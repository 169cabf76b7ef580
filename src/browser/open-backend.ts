// What answers in a worker of a page: WebGPU if it is wished for and right, else
// the kernels, on as many threads as the page may have.

import { isFlorenceError } from "../shared/errors.ts";
import {
  openModel,
  type KernelHost,
  type LoadedModel,
} from "../shared/model/open-model.ts";
import type { OpenedBackend } from "./answer-messages.ts";
import { fetchImageCodecs, fetchKernelModules } from "./built-files.ts";
import { openFetchedBundle } from "./fetched-bundle.ts";
import { kernelThreads, whyOneThread } from "./kernel-threads.ts";
import type { Dropped, Opening } from "./messages.ts";
import { openOnWebGpu } from "./open-on-webgpu.ts";
import { createRest } from "./rest.ts";

/** A model, and what was dropped on the way to it. */
interface OpenedModel {
  readonly loaded: LoadedModel;
  readonly threads: number;
  readonly dropped: readonly Dropped[];
}

/**
 * Opens the best backend that works here.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openBackend(opening: Opening): Promise<OpenedBackend> {
  const codecs = await fetchImageCodecs(opening.assets);
  const { loaded, threads, dropped } = await openBest(opening);
  const { backend, device } = loaded.model.capabilities;
  const model = loaded.manifest.id;
  return {
    loaded,
    codecs,
    backend: { model, backend, device, threads, dropped },
  };
}

/** On WebGPU where it is wished for and passes its test, else on the kernels. */
async function openBest(opening: Opening): Promise<OpenedModel> {
  const { webgpu, assets } = opening;
  if (webgpu === null) return await openOnKernels(opening);
  const outcome = await openOnWebGpu(webgpu, assets);
  if ("loaded" in outcome) return { ...outcome, threads: 1, dropped: [] };
  const kernels = await openOnKernels(opening);
  const dropped: Dropped = { what: "webgpu", reason: outcome.reason };
  return { ...kernels, dropped: [dropped, ...kernels.dropped] };
}

/** On several threads where the page may have them and they start. */
async function openOnKernels(opening: Opening): Promise<OpenedModel> {
  const { threads } = opening;
  if (threads > 1) {
    const reason = whyOneThread();
    if (reason !== null) return await openOnOne(opening, reason);
    try {
      const loaded = await openWith(opening, threads);
      return { loaded, threads, dropped: [] };
    } catch (error) {
      // What a lone thread meets as well is not about threads.
      if (!isFlorenceError(error) || error.code !== "engine_unavailable") {
        throw error;
      }
      return await openOnOne(opening, error.message);
    }
  }
  return await openOnOne(opening, null);
}

/** @param reason why there are not more; null if no more were wished for. */
async function openOnOne(
  opening: Opening,
  reason: string | null,
): Promise<OpenedModel> {
  const loaded = await openWith(opening, 1);
  const dropped: Dropped[] =
    reason === null ? [] : [{ what: "threads", reason }];
  return { loaded, threads: 1, dropped };
}

async function openWith(
  { bundle, assets, maxBytes }: Opening,
  threads: number,
): Promise<LoadedModel> {
  const isAlone = threads === 1;
  const host: KernelHost = {
    readModules: () => fetchKernelModules(assets, isAlone ? "own" : "shared"),
    maxBytes,
    rest: createRest(),
    ...(!isAlone && { threads: kernelThreads(assets, threads) }),
  };
  return await openModel(await openFetchedBundle(bundle), null, host);
}
