// Golden recipes' models in parts: phase by phase in one arena, or joined.

import { bundleFolder } from "../../../../src/node/bundle-folder.ts";
import type { BundleSource } from "../../../../src/shared/model/bundle-source.ts";
import {
  type EdgeOptions,
  readEdgePlan,
} from "../../../../src/shared/model/edge/edge-model.ts";
import type { EdgeStorage } from "../../../../src/shared/model/edge/edge-plan.ts";
import {
  openJoinedModel,
  type RemotePart,
} from "../../../../src/shared/model/edge/joined-model.ts";
import {
  openPart,
  type PartRunner,
} from "../../../../src/shared/model/edge/part-runner.ts";
import {
  davitSizes,
  openPhasedModel,
  type PhasedModel,
} from "../../../../src/shared/model/edge/phased-model.ts";
import { segmentsOf } from "../../../../src/shared/model/edge/segments.ts";
import {
  type LoadedModel,
  readManifest,
  readTokenizer,
} from "../../../../src/shared/model/open-model.ts";
import { readModules } from "../../../kernels/arena.ts";
import { edgeBundle } from "./open-golden.ts";

const MAX_BYTES = 2 ** 30;
export const REVISION = "a revision";

/** A recipe's bundle, its files streamed in pieces of some kilobytes. */
export async function streamedBundle(
  recipe: string,
  storage: EdgeStorage,
  change: (file: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes,
): Promise<BundleSource> {
  const folder = bundleFolder(await edgeBundle(recipe, storage));
  const read = async (file: string): Promise<Uint8Array> =>
    change(file, await folder.read(file));
  return {
    name: "the bundle",
    read,
    async *stream(file) {
      const bytes = await read(file);
      for (let at = 0; at < bytes.length; at += 10_000) {
        yield bytes.subarray(at, at + 10_000);
      }
    },
  };
}

/** Opens a bundle to run phase by phase. */
export async function openPhased(
  bundle: BundleSource,
  options: Partial<EdgeOptions> = {},
): Promise<LoadedModel & { readonly phased: PhasedModel }> {
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  const phased = await openPhasedModel(
    manifest,
    bundle,
    tokenizer,
    await readModules(),
    { maxBytes: MAX_BYTES, ...options },
  );
  return { model: phased.model, tokenizer, manifest, phased };
}

/** A part in this thread, as if it were elsewhere. */
export function partAt(name: string, runner: PartRunner): RemotePart {
  return {
    ...runner,
    name,
    about: () =>
      Promise.resolve({ revision: REVISION, segments: runner.segments }),
    async begin(prompts) {
      const state = await runner.begin(prompts);
      return {
        step: (rows) => state.step(rows),
        finish(finished) {
          state.finish(finished);
          return Promise.resolve();
        },
        dispose: () => state.dispose(),
      };
    },
  };
}

/**
 * Opens a bundle as four parts: two of the vision tower, encoder, decoder.
 *
 * @param change puts something else in a part's place.
 */
export async function openJoined(
  bundle: BundleSource,
  change: (part: RemotePart) => RemotePart = (part) => part,
): Promise<LoadedModel> {
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  const plan = await readEdgePlan(bundle);
  const segments = segmentsOf(plan);
  const inputSizes = davitSizes(manifest);
  const cut = segments.findIndex(({ name }) => name === "vision.2.0.spatial");
  const modules = await readModules();
  const open = async (
    name: string,
    isOwn: (part: string, at: number) => boolean,
  ): Promise<RemotePart> => {
    const own = segments.filter(({ part }, at) => isOwn(part, at));
    const runner = await openPart(bundle, modules, {
      segments: own.map((segment) => segment.name),
      inputSizes,
      maxBytes: MAX_BYTES,
    });
    return change(partAt(name, runner));
  };
  const model = openJoinedModel(
    manifest,
    plan,
    {
      vision: [
        await open("VISION_1", (part, at) => part === "vision" && at < cut),
        await open("VISION_2", (part, at) => part === "vision" && at >= cut),
      ],
      encoder: await open("ENCODER", (part) => part === "encoder"),
      decoder: await open("DECODER", (part) =>
        ["decoder", "vocabulary"].includes(part),
      ),
    },
    {
      revision: REVISION,
      segments: segments.map(({ name }) => name),
      inputSizes,
    },
  );
  return { model, tokenizer, manifest };
}
