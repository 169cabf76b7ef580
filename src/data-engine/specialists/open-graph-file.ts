// One ONNX file of a specialist as a session.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { FlorenceError } from "../../shared/errors.ts";
import type { Session, Tensor } from "../../shared/model/session.ts";
import { createNodeSessions } from "../../node/onnxruntime-session.ts";

/** A graph and where it comes from. */
export interface GraphFile {
  readonly session: Session;
  /** First 16 digits of the SHA-256 of its bytes. */
  readonly revision: string;
}

/** @throws FlorenceError `not_found` if it cannot be read. */
export async function readGraphFile(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause: unknown) => {
    throw new FlorenceError("not_found", `There is no model file ${path}.`, {
      cause,
    });
  });
}

/**
 * Opens a graph on the CPU; the caller disposes the session.
 *
 * @throws FlorenceError `bundle_invalid` if ONNX Runtime refuses it, or it has
 *   other inputs and outputs than one of each.
 */
export async function openGraphBytes(
  graph: Uint8Array,
  path: string,
  threads: number,
): Promise<GraphFile> {
  const session = await createNodeSessions({ threads }).open({
    graph,
    weights: {},
  });
  if (session.inputNames.length !== 1) {
    await session.dispose();
    throw new FlorenceError(
      "bundle_invalid",
      `${path} takes ${session.inputNames.length} inputs; one image is wanted.`,
    );
  }
  const revision = createHash("sha256").update(graph).digest("hex");
  return { session, revision: revision.slice(0, 16) };
}

/** Runs a graph of one input and reads its first output. */
export async function runGraph(
  { session }: GraphFile,
  input: Tensor,
): Promise<{ readonly dims: readonly number[]; readonly data: Float32Array }> {
  const [output] = session.outputNames;
  const results = await session.run(
    { [session.inputNames[0]!]: input },
    { outputs: [output!] },
  );
  const held = results[output!]!;
  const { dims, data } = await held.read();
  held.dispose();
  return { dims, data: data as Float32Array };
}
