// ONNX Runtime Web in a page's worker, behind the core's session interface: on
// WebGPU, or on WebAssembly to compare with. A script of its own, fetched where it
// is needed: the runtime is 27 MB.

import * as ort from "onnxruntime-web/webgpu";
import {
  FlorenceError,
  throwIfAborted,
  type ErrorCode,
} from "../shared/errors.ts";
import { createTurn, type InTurn } from "../shared/model/edge/turn.ts";
import type {
  Feeds,
  HeldTensor,
  Session,
  SessionFactory,
  Tensor,
} from "../shared/model/session.ts";
import { RUNTIME_FILE } from "./built-files.ts";

/** What runs a graph. */
export type Provider = "webgpu" | "wasm";

/** The runtime runs one thing at a time, whatever runs it. */
const inTurn = createTurn();

/**
 * ONNX Runtime on one provider. What WebGPU has no kernel for runs on
 * WebAssembly.
 *
 * @param assets the folder of built files, with a slash at its end.
 */
export function createOnnxSessions(
  provider: Provider,
  assets: string,
): SessionFactory {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL(RUNTIME_FILE, assets).href };
  ort.env.logLevel = "error";
  return {
    backend: "onnxruntime-web",
    device: provider,
    hold: (tensor) => holdValue(toOrt(tensor)),
    open: ({ graph, weights }) =>
      inTurn(async () => {
        if (typeof graph === "string") {
          throw new Error("internal: a page has no files to open a graph in");
        }
        const session = await ort.InferenceSession.create(graph, {
          executionProviders: [provider],
          externalData: Object.entries(weights).map(([path, data]) => ({
            path,
            data,
          })),
          logSeverityLevel: 3,
        }).catch((cause: unknown) =>
          fail(cause, "bundle_invalid", `load a graph on ${provider}`),
        );
        return wrap(session, inTurn, provider);
      }),
  };
}

function fail(cause: unknown, code: ErrorCode, doing: string): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  // The runtime or its provider did not start: the bundle is not to blame.
  const isMissing = /no available backend/iu.test(reason);
  throw new FlorenceError(
    isMissing ? "engine_unavailable" : code,
    `ONNX Runtime could not ${doing}: ${reason}. Use the kernels.`,
    { cause },
  );
}

interface OrtHeldTensor extends HeldTensor {
  readonly value: ort.Tensor;
}

function holdValue(value: ort.Tensor): OrtHeldTensor {
  return {
    value,
    dims: value.dims,
    read: async () => ({
      // Graphs of ours give no other element types.
      type: value.type as Tensor["type"],
      dims: value.dims,
      data: (await value.getData()) as Tensor["data"],
    }),
    dispose() {
      value.dispose();
    },
  };
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.type, tensor.data, tensor.dims);
}

function wrap(
  session: ort.InferenceSession,
  inTurn: InTurn,
  provider: Provider,
): Session {
  let isDisposed = false;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (feeds, options = {}) =>
      inTurn(async () => {
        if (isDisposed) throw new Error("internal: the session is disposed");
        throwIfAborted(options.signal);
        const outputs = await session
          .run(
            valuesOf(feeds, session.inputNames),
            options.outputs ?? session.outputNames,
          )
          .catch((cause: unknown) =>
            fail(cause, "engine_bad_output", `run a graph on ${provider}`),
          );
        return Object.fromEntries(
          Object.entries(outputs).map(([name, value]) => [
            name,
            holdValue(value),
          ]),
        );
      }),
    dispose: () =>
      inTurn(async () => {
        if (isDisposed) return;
        isDisposed = true;
        await session.release();
      }),
  };
}

function valuesOf(
  feeds: Feeds,
  inputNames: readonly string[],
): Record<string, ort.Tensor> {
  return Object.fromEntries(
    inputNames.map((name) => {
      const feed = feeds[name];
      if (feed === undefined) {
        throw new Error(`internal: the graph's input "${name}" is not fed`);
      }
      // Held tensors of this room carry their value.
      const value =
        "data" in feed ? toOrt(feed) : (feed as OrtHeldTensor).value;
      return [name, value];
    }),
  );
}
