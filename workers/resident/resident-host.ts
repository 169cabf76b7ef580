// An engine for a Florence-2 whose parts are in Workers of their own.

import * as v from "valibot";
import type { Host } from "../../src/http/host.ts";
import { readEdgePlan } from "../../src/shared/model/edge/edge-model.ts";
import { openJoinedModel } from "../../src/shared/model/edge/joined-model.ts";
import { davitSizes } from "../../src/shared/model/edge/phased-model.ts";
import { segmentsOf } from "../../src/shared/model/edge/segments.ts";
import {
  readManifest,
  readTokenizer,
  type LoadedModel,
} from "../../src/shared/model/open-model.ts";
import type { Env } from "../edge/env.ts";
import { sha256, WORKER_PLATFORM } from "../edge/platform.ts";
import { createWorkerHost } from "../edge/worker-host.ts";
import { createKernelEngine, withSizes } from "../phased/kernel-engine.ts";
import { assetFiles, storedBundle } from "../phased/stored-bundle.ts";
import { type PartCalls, remotePart } from "./part-calls.ts";

export interface ResidentEnv extends Env {
  /** Which binding holds what; `florence plan --write` says so. */
  readonly PARTS: unknown;
}

/** Names of bindings. */
const Parts = v.object({
  vision: v.pipe(v.array(v.string()), v.minLength(1)),
  encoder: v.string(),
  decoder: v.string(),
});

/** The host over the parts that this Worker is bound to. */
export async function createResidentHost(env: ResidentEnv): Promise<Host> {
  const bundle = storedBundle("static assets", assetFiles(env.ASSETS));
  const manifest = withSizes(await readManifest(bundle));
  const names = v.parse(Parts, env.PARTS);
  const partOf = (name: string) =>
    // What a binding is, only the part behind it can tell.
    remotePart(name, (env as unknown as Record<string, PartCalls>)[name]!);
  const open = async (): Promise<LoadedModel> => {
    const tokenizer = await readTokenizer(manifest, bundle);
    const plan = await readEdgePlan(bundle);
    const encoder = partOf(names.encoder);
    const model = openJoinedModel(
      manifest,
      plan,
      {
        vision: names.vision.map(partOf),
        encoder,
        decoder:
          names.decoder === names.encoder ? encoder : partOf(names.decoder),
      },
      {
        revision: await sha256(await bundle.read("edge.json")),
        segments: segmentsOf(plan).map(({ name }) => name),
        inputSizes: davitSizes(manifest),
      },
    );
    return { model, tokenizer, manifest };
  };
  let loading: Promise<LoadedModel> | null = null;
  let isLoaded = false;
  const engine = createKernelEngine({
    manifest,
    isLoaded: () => isLoaded,
    load() {
      loading ??= open().then(
        (loaded) => {
          isLoaded = true;
          return loaded;
        },
        (error: unknown) => {
          loading = null;
          throw error;
        },
      );
      return loading;
    },
    // The parts are looked at anew, the request is tried once more.
    reset() {
      loading = null;
      isLoaded = false;
      return Promise.resolve();
    },
  });
  return createWorkerHost(engine, env, WORKER_PLATFORM);
}
