// ONNX Runtime in a Worker, behind the core's session interface. The plain wasm
// build runs unmodified; what it may not do there (compile bytes) is replaced
// by a module that was imported statically.

import * as ort from "onnxruntime-web/wasm";
import {
  FlorenceError,
  throwIfAborted,
  type ErrorCode,
} from "../../src/shared/errors.ts";
import type {
  Feeds,
  GraphFiles,
  HeldTensor,
  Session,
  SessionFactory,
  Tensor,
} from "../../src/shared/model/session.ts";
import { bootWithModule, type WasmHeap } from "./static-wasm.ts";

export interface WebSessionOptions {
  /** `onnxruntime-web/ort-wasm-simd-threaded.wasm`, imported statically. */
  readonly module: WebAssembly.Module;
  /** Ceiling of the wasm heap; a model that needs more is refused. */
  readonly maxHeapBytes: number;
}

/** Sessions in a Worker, and what they hold. */
export interface WebSessions extends SessionFactory {
  /** Size of the wasm heap; 0 before the first graph. It never shrinks. */
  heapBytes(): number;
}

/**
 * ONNX Runtime's wasm backend, one thread, one run at a time.
 *
 * Weights given as whole buffers are taken over: `open` empties them once the
 * runtime has its own copy, which halves the memory a loaded model holds.
 * Must be opened inside a request, never while the script starts.
 */
export function createWebSessions(options: WebSessionOptions): WebSessions {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  // Never parsed: it only makes the runtime use the glue it was bundled with.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  ort.env.logLevel = "error";
  const maxMiB = Math.floor(options.maxHeapBytes / 2 ** 20);
  let heap: WasmHeap | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /** Runs `work` after all work given before it. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  const fail = (cause: unknown, code: ErrorCode, doing: string): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (/no available backend/iu.test(reason)) {
      throw new FlorenceError(
        "engine_unavailable",
        `ONNX Runtime did not start: ${reason}. Use another engine.`,
        { cause },
      );
    }
    if (cause instanceof WebAssembly.RuntimeError) {
      throw new FlorenceError(
        "engine_unavailable",
        `ONNX Runtime trapped while ${doing} (${reason}). The model must be loaded anew.`,
        { cause },
      );
    }
    if (/alloc|out of memory|memory access|out of bounds/iu.test(reason)) {
      throw new FlorenceError(
        "engine_unavailable",
        `ONNX Runtime ran out of memory while ${doing}; the limit is ${maxMiB} MiB (${reason}). Use a smaller model or another engine.`,
        { cause },
      );
    }
    throw new FlorenceError(
      code,
      `ONNX Runtime failed while ${doing}: ${reason}`,
      { cause },
    );
  };

  return {
    backend: "onnxruntime-web",
    device: "wasm",
    // The rest is for weights and for the activations of one run.
    stateBytes: Math.floor(options.maxHeapBytes / 4),
    hold: (tensor) => holdValue(toOrt(tensor)),
    heapBytes: () => heap?.byteLength() ?? 0,
    open: (files) =>
      inTurn(async () => {
        const create = (): Promise<ort.InferenceSession> => load(files);
        try {
          const session =
            heap === null
              ? await bootWithModule(options, create, (own) => (heap = own))
              : await create();
          return wrap(session, inTurn, fail);
        } catch (cause) {
          return fail(cause, "bundle_invalid", "loading a graph");
        } finally {
          for (const bytes of Object.values(files.weights)) release(bytes);
        }
      }),
  };
}

/** Says in our words what the runtime's error means. */
type Fail = (cause: unknown, code: ErrorCode, doing: string) => never;

function load(files: GraphFiles): Promise<ort.InferenceSession> {
  if (typeof files.graph === "string") {
    throw new Error("internal: a Worker has no file system to open a graph in");
  }
  return ort.InferenceSession.create(files.graph, {
    executionProviders: ["wasm"],
    externalData: Object.entries(files.weights).map(([path, data]) => ({
      path,
      data,
    })),
    logSeverityLevel: 3,
  });
}

/** Frees a buffer now: the collector would keep it for the isolate's life. */
function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer && bytes.byteOffset === 0) {
    bytes.buffer.transfer(0);
  }
}

interface WebHeldTensor extends HeldTensor {
  readonly value: ort.Tensor;
}

function holdValue(value: ort.Tensor): WebHeldTensor {
  return {
    value,
    dims: value.dims,
    read: () =>
      Promise.resolve({
        // Graphs of ours give no other element types.
        type: value.type as Tensor["type"],
        dims: value.dims,
        data: value.data as Tensor["data"],
      }),
    dispose: () => {
      value.dispose();
    },
  };
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.type, tensor.data, tensor.dims);
}

function wrap(
  session: ort.InferenceSession,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
  fail: Fail,
): Session {
  let isDisposed = false;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, options = {}) {
      // A run blocks the isolate, and awaiting it gives no turn to timers:
      // without this pause no deadline and no disconnect is ever noticed. It
      // stands outside the turn: a request that is gone never comes back
      // from it, and would keep the turn for ever.
      await scheduler.wait(0);
      return await inTurn(async () => {
        if (isDisposed) throw new Error("internal: the session is disposed");
        throwIfAborted(options.signal);
        const values = valuesOf(feeds, session.inputNames);
        const outputs = await session
          .run(values, options.outputs ?? session.outputNames)
          .catch((cause: unknown) =>
            fail(cause, "engine_bad_output", "running a graph"),
          );
        const held: Record<string, HeldTensor> = {};
        for (const [name, value] of Object.entries(outputs)) {
          held[name] = holdValue(value);
        }
        return held;
      });
    },
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
  const values: Record<string, ort.Tensor> = {};
  for (const name of inputNames) {
    const feed = feeds[name];
    if (feed === undefined) {
      throw new Error(`internal: the graph's input "${name}" is not fed`);
    }
    // Held tensors of this factory carry their value.
    values[name] = "data" in feed ? toOrt(feed) : (feed as WebHeldTensor).value;
  }
  return values;
}
