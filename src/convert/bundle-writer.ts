// Writes a directory as a whole or not at all: files are made in a folder
// beside it, which takes its name at the very end. Weights stream through, so
// that the peak is one matrix, whatever the model's size.

import { createHash, randomUUID } from "node:crypto";
import {
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  type FileHandle,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FlorenceError, throwIfAborted } from "../shared/errors.ts";
import type { Manifest } from "../shared/model/manifest.ts";
import { encodeModel, type Placement } from "./onnx/encode-model.ts";
import type { Graph } from "./onnx/graph.ts";
import type { Initializer } from "./onnx/initializer.ts";

/** One file of a bundle, as the manifest lists it. */
export type WrittenFile = Manifest["files"][number];

/** How far a conversion is. */
export interface ConvertProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** The tensor being written. */
  readonly item: string;
}

export interface WriteOptions {
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A directory being written. */
export interface DirectoryWriter {
  /** Files so far, in their order. */
  readonly files: readonly WrittenFile[];
  add(name: string, bytes: Uint8Array | string): Promise<void>;
  /** Writes a file piece by piece. */
  stream(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Largest file of weights: static assets of a Worker end at 25 MiB. */
export const SHARD_BYTES = 24 * 2 ** 20;
const ALIGNMENT = 64;

/**
 * Writes a directory through `write`; if that fails nothing is left.
 *
 * @param isOurs whether a directory that is there already, with these files,
 *   may be replaced.
 * @throws FlorenceError `invalid_request` if `out` is there and may not be
 *   replaced, and whatever `write` throws.
 */
export async function writeDirectory<Result>(
  out: string,
  isOurs: (files: readonly string[]) => boolean,
  write: (writer: DirectoryWriter) => Promise<Result>,
): Promise<Result> {
  const target = resolve(out);
  const old = await stat(target).catch(() => null);
  if (old !== null) {
    const isFree =
      old.isDirectory() && isFreeToUse(await readdir(target), isOurs);
    if (!isFree) {
      throw new FlorenceError(
        "invalid_request",
        `${out} is there already and was not written by florence convert. Give another --out, or remove it yourself.`,
      );
    }
  }
  await mkdir(dirname(target), { recursive: true });
  const draft = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  await mkdir(draft);
  try {
    const result = await write(directoryWriter(draft));
    if (old !== null) await replace(target, draft);
    else await rename(draft, target);
    return result;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Writes graphs and their weights, each weight once though several graphs use
 * it. Weights of one set of graphs share files of at most `SHARD_BYTES`; a
 * larger weight has a file of its own, since one cannot span two.
 *
 * @param folder inside the directory, with a slash at its end, or empty.
 * @returns the manifest's `graphs`, by graph name.
 */
export async function writeGraphs(
  writer: DirectoryWriter,
  graphs: readonly Graph[],
  options: WriteOptions & {
    readonly folder?: string;
    readonly shards?: ShardPlan;
  } = {},
): Promise<Manifest["graphs"]> {
  const folder = options.folder ?? "";
  const shards = (options.shards ?? planShards)(graphs);
  const placements = new Map<string, Placement>();
  const totalBytes = shards.reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  const written = async function* (shard: Shard): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (const { initializer, offset } of shard.weights) {
      throwIfAborted(options.signal);
      if (offset > at) yield new Uint8Array(offset - at);
      at = offset;
      for await (const chunk of initializer.chunks()) {
        yield chunk;
        at += chunk.length;
        doneBytes += chunk.length;
        options.onProgress?.({
          doneBytes,
          totalBytes,
          item: initializer.tensor,
        });
      }
      if (at !== offset + initializer.bytes) {
        throw new Error(
          `internal: ${initializer.name} has not its planned size`,
        );
      }
    }
  };
  for (const shard of shards) {
    for (const { initializer, offset } of shard.weights) {
      placements.set(initializer.name, {
        file: shard.file,
        offset,
        bytes: initializer.bytes,
      });
    }
    await writer.stream(folder + shard.file, written(shard));
  }
  const entries: Manifest["graphs"] = {};
  for (const graph of graphs) {
    const file = `${folder}${graph.name}.onnx`;
    await writer.add(file, encodeModel(graph, placements));
    const names = graph.initializers.map(
      ({ name }) => folder + placements.get(name)!.file,
    );
    entries[graph.name] = { file, weights: [...new Set(names)].sort() };
  }
  return entries;
}

/** A file of weights and what lies where in it. */
export interface Shard {
  readonly file: string;
  readonly bytes: number;
  readonly weights: readonly {
    readonly initializer: Initializer;
    readonly offset: number;
  }[];
}

export type ShardPlan = (graphs: readonly Graph[]) => readonly Shard[];

/** Our own layout: `weights-000.bin` and so on. */
export const planShards: ShardPlan = (graphs) => {
  const users = new Map<string, string[]>();
  const byName = new Map<string, Initializer>();
  for (const graph of graphs) {
    for (const initializer of graph.initializers) {
      byName.set(initializer.name, initializer);
      users.set(initializer.name, [
        ...(users.get(initializer.name) ?? []),
        graph.name,
      ]);
    }
  }
  const groups = Map.groupBy(byName.values(), ({ name }) =>
    users.get(name)!.join("+"),
  );
  const shards: {
    weights: { initializer: Initializer; offset: number }[];
    bytes: number;
  }[] = [];
  for (const group of groups.values()) {
    let current: (typeof shards)[number] | null = null;
    for (const initializer of group) {
      const offset: number = current === null ? 0 : alignUp(current.bytes);
      if (current === null || offset + initializer.bytes > SHARD_BYTES) {
        current = { weights: [], bytes: 0 };
        shards.push(current);
      }
      const at = alignUp(current.bytes);
      current.weights.push({ initializer, offset: at });
      current.bytes = at + initializer.bytes;
    }
  }
  return shards.map((shard, index) => ({
    ...shard,
    file: `weights-${String(index).padStart(3, "0")}.bin`,
  }));
};

/** Rounds up to where a weight may begin. */
export function alignUp(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function isFreeToUse(
  files: readonly string[],
  isOurs: (files: readonly string[]) => boolean,
): boolean {
  return files.length === 0 || isOurs(files);
}

async function replace(target: string, draft: string): Promise<void> {
  const aside = `${draft}.old`;
  await rename(target, aside);
  try {
    await rename(draft, target);
  } catch (error) {
    await rename(aside, target);
    throw error;
  }
  await rm(aside, { recursive: true }).catch(() => rmdir(aside));
}

function directoryWriter(folder: string): DirectoryWriter {
  const files: WrittenFile[] = [];
  return {
    files,
    async add(name, bytes) {
      const data =
        typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
      await this.stream(name, once(data));
    },
    async stream(name, chunks) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      const file = await open(path, "wx");
      const hash = createHash("sha256");
      let bytes = 0;
      try {
        for await (const chunk of chunks) {
          hash.update(chunk);
          await writeAll(file, chunk);
          bytes += chunk.length;
        }
      } finally {
        await file.close();
      }
      files.push({ name, bytes, sha256: hash.digest("hex") });
    },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done);
    done += bytesWritten;
  }
}
