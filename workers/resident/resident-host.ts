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
} from "../../src/shared/model/open-model.ts";
import type { Env } from "../edge/env.ts";
import { hostModel } from "../edge/host-model.ts";
import { sha256, WORKER_PLATFORM } from "../edge/platform.ts";
import { assetFiles, storedBundle } from "../edge/stored-bundle.ts";
import { createWorkerHost } from "../edge/worker-host.ts";
import { createDavitEngine, withSizes } from "../phased/davit-engine.ts";
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
  const hosted = hostModel(manifest, async () => {
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
  });
  const engine = createDavitEngine({
    ...hosted,
    // The parts are looked at anew, the request is tried once more.
    async reset() {
      await hosted.forget();
    },
  });
  return createWorkerHost(engine, env, WORKER_PLATFORM);
}
