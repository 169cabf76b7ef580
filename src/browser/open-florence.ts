// The page's side: a model that answers in a worker of this page.

import { FlorenceError } from "../shared/errors.ts";
import type { Envelope } from "../shared/schema/analysis.ts";
import { askWorker, type AnalyzeMore } from "./ask-worker.ts";
import { SCRIPTS } from "./built-files.ts";
import type { AnalyzeAsk, Backend } from "./messages.ts";

/** More threads than this gain nothing: bands of a picture are not so high. */
const MOST_THREADS = 8;
/** What the kernels' memory may reach. */
const MAX_BYTES = 2 ** 30;

export interface FlorenceOptions {
  /** Address of the folder of a bundle made with `--precision edge`. */
  readonly bundle: string | URL;
  /**
   * Address of an ONNX bundle of the same model. If the page has WebGPU, and it
   * gives there what it gives on WebAssembly, it answers in place of the kernels.
   */
  readonly webgpu?: string | URL;
  /**
   * Threads; if left out, all cores up to 8. More than one needs a page that is
   * cross-origin isolated.
   */
  readonly threads?: number;
  /** Most bytes of memory that the kernels may have; 1 GiB if left out. */
  readonly maxBytes?: number;
  /** Folder of the built files; where this script lies if left out. */
  readonly assets?: string | URL;
}

/** A model that is open in this page. */
export interface Florence {
  /** What answers, and what was dropped for which reason. */
  readonly backend: Backend;
  /**
   * Analyzes a picture (JPEG, PNG, WebP).
   *
   * @throws FlorenceError as `analyze` of the core does, and
   *   `engine_unavailable` if the worker is gone.
   */
  analyze(
    image: Blob | Uint8Array,
    request: AnalyzeAsk,
    more?: AnalyzeMore,
  ): Promise<Envelope>;
  /** Ends the worker and its threads, and gives their memory back. */
  close(): void;
}

/**
 * Opens a model in a worker of this page.
 *
 * @example
 * const florence = await openFlorence({ bundle: "/models/box/" });
 * const request = { tasks: [{ task: "caption" }] };
 * const { results } = await florence.analyze(file, request);
 *
 * @throws FlorenceError `engine_unavailable` if the page has no WebAssembly SIMD,
 *   is not served over https (or from localhost), or a built file is missing;
 *   `bundle_invalid`, `bundle_too_new`.
 */
export async function openFlorence(
  options: FlorenceOptions,
): Promise<Florence> {
  if (!isSecureContext) {
    throw new FlorenceError(
      "engine_unavailable",
      "This page is not secure, so that hashes cannot be checked. Serve it over https, or from localhost.",
    );
  }
  const assets = folderOf(options.assets ?? new URL(".", import.meta.url));
  const worker = new Worker(new URL(SCRIPTS.worker, assets), {
    type: "module",
    name: "florence",
  });
  const calls = askWorker(worker);
  worker.addEventListener("error", (event) => {
    const reason = event.message === "" ? "" : `: ${event.message}`;
    calls.fail(
      new FlorenceError(
        "engine_unavailable",
        `The worker of the model failed${reason}. Are all built files in ${assets}?`,
      ),
    );
  });
  try {
    const backend = await calls.open({
      bundle: folderOf(options.bundle),
      webgpu: options.webgpu === undefined ? null : folderOf(options.webgpu),
      assets,
      threads:
        options.threads ??
        Math.min(MOST_THREADS, navigator.hardwareConcurrency),
      maxBytes: options.maxBytes ?? MAX_BYTES,
    });
    return {
      backend,
      async analyze(image, request, more) {
        return await calls.analyze(await bytesOf(image), request, more);
      },
      close() {
        worker.terminate();
        calls.fail(
          new FlorenceError("engine_unavailable", "The model is closed."),
        );
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** A copy: what is sent is taken over. */
async function bytesOf(
  image: Blob | Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  if (image instanceof Uint8Array) return new Uint8Array(image);
  return new Uint8Array(await image.arrayBuffer());
}

/** An absolute address with a slash at its end, as seen from the page. */
function folderOf(address: string | URL): string {
  const { href } = new URL(address, location.href);
  return href.endsWith("/") ? href : `${href}/`;
}
