// Downloads a checkpoint, or an ONNX export, from a Hub-compatible server: only
// the files that are needed, resumed where they were cut, checked by their hash.

import { mkdir, rename, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { FlorenceError, throwIfAborted } from "../shared/errors.ts";
import { downloadFile, fileMatches, type HubFile } from "./download-file.ts";
import { requestHub } from "./hub-request.ts";

export interface PullOptions {
  /** E.g. `microsoft/Florence-2-base-ft`. */
  readonly repo: string;
  /** Branch, tag or commit; `main` if left out. */
  readonly revision?: string | undefined;
  /** `HF_ENDPOINT`; the public Hub if left out. */
  readonly endpoint?: string | undefined;
  /** Sent to the endpoint's own origin only. */
  readonly token?: string | undefined;
  /** Where the files go; made if it is not there. */
  readonly directory: string;
  /** Which of a repository's graphs to take where it has no safetensors. */
  readonly precision?: "fp32" | "fp16" | "int8" | undefined;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PullProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** The file being downloaded. */
  readonly item: string;
}

/** What was pulled. */
export interface PulledRepository {
  readonly directory: string;
  /** The commit the revision stood for. */
  readonly commit: string;
  readonly kind: "checkpoint" | "transformers-js";
  readonly files: readonly string[];
  readonly bytes: number;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";

const Size = v.pipe(v.number(), v.integer(), v.minValue(0));
const Listing = v.object({
  sha: v.pipe(v.string(), v.regex(/^[0-9a-f]{7,64}$/u)),
  siblings: v.array(
    v.object({
      rfilename: v.string(),
      size: v.optional(v.nullable(Size)),
      blobId: v.optional(v.string()),
      lfs: v.optional(
        v.nullable(
          v.object({
            sha256: v.optional(v.string()),
            oid: v.optional(v.string()),
            size: v.optional(Size),
          }),
        ),
      ),
    }),
  ),
});

/**
 * Downloads a repository's checkpoint (configs, tokenizer, safetensors), or its
 * four ONNX graphs where it has no safetensors. Files that are there already
 * and match are kept; a download that was cut is gone on with.
 *
 * @throws FlorenceError `unauthenticated`, `forbidden`, `not_found`,
 *   `url_fetch_failed` (retryable), `bundle_invalid` if a hash is wrong or the
 *   repository has neither, `deadline_exceeded` if the signal was aborted.
 */
export async function pullRepository(
  options: PullOptions,
): Promise<PulledRepository> {
  const repo = checkRepo(options.repo);
  const endpoint = (options.endpoint ?? DEFAULT_ENDPOINT).replace(/\/+$/u, "");
  const access = { token: options.token, signal: options.signal };
  const revision = encodeURIComponent(options.revision ?? "main");
  const listing = await readListing(
    `${endpoint}/api/models/${repo}/revision/${revision}?blobs=true`,
    repo,
    access,
  );
  const { kind, files } = chooseFiles(listing.files, repo, options.precision);
  const root = resolve(options.directory);
  const totalBytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  let doneBytes = 0;
  for (const file of files) {
    throwIfAborted(options.signal);
    const target = join(root, file.path);
    await mkdir(dirname(target), { recursive: true });
    const report = (bytes: number): void => {
      const progress = { doneBytes: doneBytes + bytes, item: file.path };
      options.onProgress?.({ ...progress, totalBytes });
    };
    if (!(await fileMatches(target, file))) {
      const path = file.path.split("/").map(encodeURIComponent).join("/");
      const url = `${endpoint}/${repo}/resolve/${listing.commit}/${path}`;
      const part = `${target}.${partName(file, listing.commit)}.part`;
      await downloadFile(url, part, file, { ...access, onBytes: report });
      await rename(part, target);
    }
    const { size } = await stat(target);
    report(size);
    doneBytes += size;
  }
  return {
    directory: options.directory,
    commit: listing.commit,
    kind,
    files: files.map(({ path }) => path),
    bytes: doneBytes,
  };
}

/** A cut download goes on only for the same content. */
function partName(file: HubFile, commit: string): string {
  return (file.sha256 ?? file.blobId ?? commit).slice(0, 12);
}

function checkRepo(repo: string): string {
  if (/^[\w][\w.-]*(?:\/[\w][\w.-]*)?$/u.test(repo)) return repo;
  throw new FlorenceError(
    "invalid_request",
    `"${repo}" is not a repository name. Write OWNER/NAME, e.g. microsoft/Florence-2-base-ft.`,
  );
}

async function readListing(
  url: string,
  repo: string,
  access: {
    readonly token?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<{ readonly commit: string; readonly files: readonly HubFile[] }> {
  const { response } = await requestHub(url, {}, access);
  const parsed = v.safeParse(Listing, await response.json().catch(() => null));
  if (!parsed.success) {
    throw new FlorenceError(
      "url_fetch_failed",
      `The server's answer about ${repo} is not a list of files. Is HF_ENDPOINT a Hub-compatible server?`,
    );
  }
  const files = parsed.output.siblings.map(
    ({ rfilename, size, blobId, lfs }): HubFile => ({
      path: rfilename,
      bytes: lfs?.size ?? size ?? null,
      sha256: lfs?.sha256 ?? lfs?.oid?.replace(/^sha256:/u, "") ?? null,
      blobId: lfs == null ? (blobId ?? null) : null,
    }),
  );
  return { commit: parsed.output.sha, files };
}

const CONFIGS = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "README.md",
];

const GRAPHS = [
  "vision_encoder",
  "embed_tokens",
  "encoder_model",
  "decoder_model_merged",
];

const SUFFIXES = {
  fp32: [""],
  fp16: ["_fp16"],
  int8: ["_int8", "_quantized"],
} as const;

function chooseFiles(
  files: readonly HubFile[],
  repo: string,
  precision: PullOptions["precision"] = "fp32",
): {
  readonly kind: PulledRepository["kind"];
  readonly files: readonly HubFile[];
} {
  // A name from outside becomes a path here: nothing may leave the folder.
  const safe = files.filter(({ path }) =>
    /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/u.test(path),
  );
  const configs = safe.filter(({ path }) => CONFIGS.includes(path));
  const weights = chooseSafetensors(safe);
  if (weights.length > 0) {
    return { kind: "checkpoint", files: [...configs, ...weights] };
  }
  for (const suffix of SUFFIXES[precision]) {
    const names = GRAPHS.map((graph) => `onnx/${graph}${suffix}.onnx`);
    const graphs = safe.filter(({ path }) =>
      names.some((name) => path === name || path.startsWith(`${name}_data`)),
    );
    if (names.every((name) => graphs.some(({ path }) => path === name))) {
      return { kind: "transformers-js", files: [...configs, ...graphs] };
    }
  }
  const pickle = safe.some(({ path }) => /\.bin$/u.test(path));
  throw new FlorenceError(
    "bundle_invalid",
    pickle
      ? `${repo} has its weights as a Python pickle only, which runs code when it is read. Take a revision or a copy with model.safetensors, or make it from the pickle with save_file of safetensors.torch.`
      : `${repo} has neither model.safetensors nor the four ONNX graphs of transformers.js in ${precision}. Name another repository, revision or precision.`,
  );
}

function chooseSafetensors(files: readonly HubFile[]): readonly HubFile[] {
  const whole = files.filter(({ path }) => path === "model.safetensors");
  if (whole.length > 0) return whole;
  const index = "model.safetensors.index.json";
  if (!files.some(({ path }) => path === index)) return [];
  return files.filter(
    ({ path }) => path === index || /^model-[\w-]+\.safetensors$/u.test(path),
  );
}
