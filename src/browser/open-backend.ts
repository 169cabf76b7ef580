// What answers in a worker of a page: the kernels.

import { openModel } from "../shared/model/open-model.ts";
import type { OpenedBackend } from "./answer-messages.ts";
import { fetchImageCodecs, fetchKernelModules } from "./built-files.ts";
import { openFetchedBundle } from "./fetched-bundle.ts";
import type { Opening } from "./messages.ts";
import { createRest } from "./rest.ts";

/**
 * Opens the best backend that works here.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openBackend(opening: Opening): Promise<OpenedBackend> {
  const codecs = await fetchImageCodecs(opening.assets);
  const bundle = await openFetchedBundle(opening.bundle);
  const loaded = await openModel(bundle, null, {
    readModules: () => fetchKernelModules(opening.assets, "own"),
    maxBytes: opening.maxBytes,
    rest: createRest(),
  });
  const { backend, device } = loaded.model.capabilities;
  return {
    loaded,
    codecs,
    backend: {
      model: loaded.manifest.id,
      ...{ backend, device, threads: 1, dropped: [] },
    },
  };
}
