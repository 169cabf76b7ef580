// A model that is opened at the first need, once for all who ask meanwhile.

import type { HostedModel } from "../../src/http/engine/isolate-engine.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";

/** A model as the engine takes it, and a way to open it anew. */
export interface OnceHosted extends HostedModel {
  /** What is loaded; null if nothing is. */
  loaded(): LoadedModel | null;
  /** What is loaded, which the next `load` opens anew; null if nothing is. */
  forget(): Promise<LoadedModel | null>;
}

/** @param open asked again if it failed. */
export function hostModel(
  manifest: Manifest,
  open: () => Promise<LoadedModel>,
): OnceHosted {
  let loading: Promise<LoadedModel> | null = null;
  let ready: LoadedModel | null = null;
  return {
    manifest,
    isLoaded: () => ready !== null,
    loaded: () => ready,
    load() {
      loading ??= open().then(
        (loaded) => {
          ready = loaded;
          return loaded;
        },
        (error: unknown) => {
          loading = null;
          throw error;
        },
      );
      return loading;
    },
    async forget() {
      const old = await loading;
      loading = null;
      ready = null;
      return old;
    },
  };
}
