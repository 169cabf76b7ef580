// A Worker for `bench/edge/whole.ts`: the same picture and prompts for a model
// on the kernels, phase by phase, and for one on ONNX Runtime Web.
//
//   POST /kernels?size=384&prompts=1&tokens=30    the picture as the body
//   POST /onnxruntime?...

import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import { openPhasedModel } from "../../../src/shared/model/edge/phased-model.ts";
import { parseManifest } from "../../../src/shared/model/manifest.ts";
import type { Model, StepRow } from "../../../src/shared/model/model.ts";
import {
  openModel,
  readManifest,
  readTokenizer,
} from "../../../src/shared/model/open-model.ts";
import { EDGE_CODECS } from "../../../workers/edge/decoding.ts";
import { KERNEL_MODULES } from "../../../workers/edge/kernel-modules.ts";
import { storedBundle } from "../../../workers/edge/stored-bundle.ts";
import { assetsBundle } from "../../../workers/onnxruntime/assets-bundle.ts";
import { createEdgeSessions } from "../../../workers/onnxruntime/runtime-host.ts";
import { restNowAndThen } from "../../../workers/phased/rest.ts";

interface Env {
  /** Addresses of the two bundles. */
  readonly KERNELS: string;
  readonly ONNXRUNTIME: string;
}

/** More than an isolate has: ONNX Runtime holds all weights. */
const MAX_HEAP_BYTES = 2 ** 31;
const MAX_MEMORY_BYTES = 2 ** 28;
/** `<CAPTION>`, as the tokenizer has it. */
const PROMPT = [0, 2264, 473, 5, 2274, 6190, 116, 2];

const models = new Map<string, Promise<Model>>();

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name: string): number => Number(searchParams.get(name));
    try {
      let model = models.get(pathname);
      if (model === undefined) {
        model = pathname === "/kernels" ? openKernels(env) : openRuntime(env);
        models.set(pathname, model);
      }
      const bytes = new Uint8Array(await request.arrayBuffer());
      const ids = await answer(await model, bytes, {
        size: number("size"),
        prompts: number("prompts"),
        tokens: number("tokens"),
      });
      const { backend, device } = (await model).capabilities;
      return Response.json({ ids, backend, device });
    } catch (error) {
      models.delete(pathname);
      const reason = error instanceof Error ? error.stack : String(error);
      return new Response(reason, { status: 500 });
    }
  },
} satisfies ExportedHandler<Env>;

/** Greedy tokens, as many as are asked for, whatever they are. */
async function answer(
  model: Model,
  bytes: Uint8Array,
  asked: {
    readonly size: number;
    readonly prompts: number;
    readonly tokens: number;
  },
): Promise<readonly number[]> {
  const { image } = await decodeImage(bytes, EDGE_CODECS);
  const [features] = await model.encode([image], { inputSize: asked.size });
  if (asked.prompts === 0) return [];
  const state = await model.start(
    Array.from({ length: asked.prompts }, () => ({
      features: features!,
      ids: PROMPT,
    })),
  );
  const told: number[] = [];
  let last = Array.from({ length: asked.prompts }, () => 2);
  for (let token = 0; token < asked.tokens; token += 1) {
    const rows = last.map((tokenId, prompt): StepRow => {
      const parent = token === 0 ? -1 : prompt;
      return { prompt, parent, tokenId, best: 1 };
    });
    const results = await state.step(rows);
    last = results.map(({ best }) => best[0]!.id);
    told.push(last[0]!);
  }
  await state.dispose();
  return told;
}

async function openKernels({ KERNELS }: Env): Promise<Model> {
  const bundle = storedBundle("kernels", async (file) => {
    const response = await fetch(`${KERNELS}/${file}`);
    return response.ok ? response.body : null;
  });
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  const { model } = await openPhasedModel(
    ...([manifest, bundle, tokenizer, KERNEL_MODULES] as const),
    { maxBytes: MAX_MEMORY_BYTES, rest: restNowAndThen() },
  );
  return model;
}

async function openRuntime({ ONNXRUNTIME }: Env): Promise<Model> {
  const fetchAsset = (file: string): Promise<Response> =>
    fetch(`${ONNXRUNTIME}/${file}`);
  const response = await fetchAsset("manifest.json");
  const manifest = parseManifest(await response.json());
  const bundle = assetsBundle(manifest, fetchAsset);
  const { model } = await openModel(bundle, createEdgeSessions(MAX_HEAP_BYTES));
  return model;
}
