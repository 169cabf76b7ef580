// A Worker for tests only: runs the contract and the goldens inside workerd,
// and serves the HTTP API of any bundle it is served.
//
//   GET  /sessions                   names of the cases for sessions
//   POST /sessions/N                 runs case N
//   POST /bundles/B/cases/N          runs case N of the model's on bundle B, on
//                                    the backend it was made for
//   POST /bundles/B/exactness        measures a model golden, given as the body
//   POST /bundles/B/replaced         describes an image while the runtime dies

import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import { parseManifest } from "../../../src/shared/model/manifest.ts";
import {
  openModel,
  type KernelHost,
  type LoadedModel,
} from "../../../src/shared/model/open-model.ts";
import { EDGE_CODECS } from "../../../workers/edge/decoding.ts";
import { KERNEL_MODULES } from "../../../workers/edge/kernel-modules.ts";
import { WORKER_PLATFORM } from "../../../workers/edge/platform.ts";
import { assetsBundle } from "../../../workers/onnxruntime/assets-bundle.ts";
import type { WebSessions } from "../../../workers/onnxruntime/onnxruntime-session.ts";
import {
  createEdgeSessions,
  createRuntimeEngine,
} from "../../../workers/onnxruntime/runtime-host.ts";
import { MODEL_CONTRACT } from "../../contract/model-contract.ts";
import { SESSION_CONTRACT } from "../../contract/session-contract.ts";
import {
  measureExactness,
  type ModelGolden,
} from "../../golden/measure-exactness.ts";

import { dyingSessions } from "./dying-sessions.ts";
import { heapCases, SMALL_HEAP_BYTES } from "./heap-cases.ts";

interface Env {
  /** Address of bundles, by name, and of `photos`. */
  readonly FILES: string;
}

// ONNX Runtime has one heap in an isolate: a Worker that is asked for sessions
// is asked for nothing else.
let smallSessions: WebSessions | null = null;

// Several bundles are open at once, which the product never does.
const sessions = createEdgeSessions(2 ** 30);
const KERNELS: KernelHost = {
  readModules: () => Promise.resolve(KERNEL_MODULES),
  maxBytes: 2 ** 28,
  rest: () => scheduler.wait(0),
};
const bundles = new Map<string, Promise<LoadedModel>>();

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    try {
      const [, room, name = "", action = ""] =
        /^\/(sessions|bundles)(?:\/([\w-]+))?(?:\/(.*))?$/u.exec(
          url.pathname,
        ) ?? [];
      if (room === "sessions") return await answerSessions(name);
      if (action === "replaced") return await outlive(name, env.FILES, request);
      const loaded = await bundleOf(name, env.FILES);
      if (action.startsWith("cases/")) {
        const at = Number(action.slice("cases/".length));
        await MODEL_CONTRACT[at]!.run(loaded);
        return Response.json({ passed: true });
      }
      if (action === "exactness") {
        const golden = await request.json<ModelGolden>();
        const photos = await readPhotos(golden, env.FILES);
        return Response.json(await measureExactness(loaded, golden, photos));
      }
      return new Response(null, { status: 404 });
    } catch (error) {
      // The test prints this as the reason of its failure.
      const reason = error instanceof Error ? error.stack : String(error);
      return new Response(reason, { status: 500 });
    }
  },
} satisfies ExportedHandler<Env>;

/** Lists the cases for sessions, or runs one. */
async function answerSessions(number: string): Promise<Response> {
  smallSessions ??= createEdgeSessions(SMALL_HEAP_BYTES);
  const cases = [...heapCases(smallSessions), ...SESSION_CONTRACT];
  if (number === "") return Response.json(cases.map(({ name }) => name));
  await cases[Number(number)]!.run(smallSessions);
  return Response.json({ passed: true });
}

/** Answers by an engine whose runtime dies in the middle of the work. */
async function outlive(
  name: string,
  files: string,
  request: Request,
): Promise<Response> {
  const fetchAsset = (file: string): Promise<Response> =>
    fetch(`${files}/${name}/${file}`);
  const response = await fetchAsset("manifest.json");
  const manifest = parseManifest(await response.json());
  const dying = dyingSessions(sessions, 4);
  const engine = createRuntimeEngine(
    manifest,
    fetchAsset,
    dying.sessions,
    WORKER_PLATFORM,
  );
  const asked = parseAnalyzeRequest({
    tasks: [{ task: "caption" }],
    options: { max_tokens: 12 },
  });
  const bytes = new Uint8Array(await request.arrayBuffer());
  const { signal } = new AbortController();
  const told: string[] = [];
  const { envelope } = await engine.analyze(
    { ...asked, bytes, seen: null, signal },
    { token: ({ delta }) => told.push(delta) },
  );
  const [result] = envelope.results;
  const text = result !== undefined && "text" in result ? result.text : null;
  return Response.json({ text, told: told.join(""), ...dying.count() });
}

function bundleOf(name: string, files: string): Promise<LoadedModel> {
  let bundle = bundles.get(name);
  if (bundle === undefined) {
    bundle = openBundle(name, files);
    bundles.set(name, bundle);
  }
  return bundle;
}

async function openBundle(name: string, files: string): Promise<LoadedModel> {
  const fetchAsset = (file: string): Promise<Response> =>
    fetch(`${files}/${name}/${file}`);
  const response = await fetchAsset("manifest.json");
  const manifest = parseManifest(await response.json());
  const bundle = assetsBundle(manifest, fetchAsset);
  return await openModel(bundle, sessions, KERNELS);
}

async function readPhotos(
  golden: ModelGolden,
  files: string,
): Promise<ReadonlyMap<string, RgbImage>> {
  const photos = new Map<string, RgbImage>();
  for (const { photo } of golden.prompts) {
    if (photos.has(photo)) continue;
    const response = await fetch(`${files}/photos/${photo}.png`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    photos.set(photo, (await decodeImage(bytes, EDGE_CODECS)).image);
  }
  return photos;
}
