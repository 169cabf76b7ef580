// A Worker for tests only: runs the contract and the goldens inside workerd,
// and serves the HTTP API of any bundle it is served.
//
//   GET  /cases                      names of the contract's cases
//   POST /bundles/B/cases/N          runs case N on bundle B
//   POST /bundles/B/exactness        measures a model golden, given as the body
//   *    /bundles/B/api/...          the HTTP API

import { createApp } from "../../../src/http/app.ts";
import type { Host } from "../../../src/http/host.ts";
import type { App } from "../../../src/http/route.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { parseManifest } from "../../../src/shared/model/manifest.ts";
import {
  EDGE_CODECS,
  createEdgeHost,
  createEdgeSessions,
} from "../../../workers/edge/edge-host.ts";
import { MODEL_CONTRACT } from "../../contract/model-contract.ts";
import {
  measureExactness,
  type ModelGolden,
} from "../../golden/measure-exactness.ts";

interface Env {
  /** Address of bundles, by name, and of `photos`. */
  readonly FILES: string;
}

interface OpenBundle {
  readonly host: Host;
  readonly app: App;
}

// Several bundles are open at once, which the product never does.
const sessions = createEdgeSessions(2 ** 30);
const bundles = new Map<string, Promise<OpenBundle>>();

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    if (url.pathname === "/cases") {
      return Response.json(MODEL_CONTRACT.map(({ name }) => name));
    }
    const [, name, action = ""] =
      /^\/bundles\/([\w-]+)\/(.*)$/u.exec(url.pathname) ?? [];
    if (name === undefined) return new Response(null, { status: 404 });
    try {
      const { host, app } = await bundleOf(name, env.FILES);
      if (action.startsWith("api/")) {
        url.pathname = action.slice("api".length);
        return await app.fetch(new Request(url, request), env, context);
      }
      const loaded = await host.models[0].load();
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

function bundleOf(name: string, files: string): Promise<OpenBundle> {
  let bundle = bundles.get(name);
  if (bundle === undefined) {
    bundle = openBundle(name, files);
    bundles.set(name, bundle);
  }
  return bundle;
}

async function openBundle(name: string, files: string): Promise<OpenBundle> {
  const fetchAsset = (file: string): Promise<Response> =>
    fetch(`${files}/${name}/${file}`);
  const response = await fetchAsset("manifest.json");
  const manifest = parseManifest(await response.json());
  const host = createEdgeHost({ manifest, graphs: {} }, fetchAsset, sessions);
  return { host, app: createApp(host) };
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
