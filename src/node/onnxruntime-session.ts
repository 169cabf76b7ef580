// ONNX Runtime on Node, behind the core's session interface.

import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { FlorenceError, throwIfAborted } from "../shared/errors.ts";
import type {
  HeldTensor,
  Session,
  SessionFactory,
  Tensor,
} from "../shared/model/session.ts";
import type { Device } from "./devices.ts";
import { runError } from "./run-error.ts";

/**
 * On x86 without VNNI sums of two byte products are cut at 16 bits, unless this
 * is set (`onnxruntime_session_options_config_keys.h`); elsewhere it does nothing.
 */
const EXACT_INT8 = { session: { x64quantprecision: "1" } };

export interface NodeSessionOptions {
  /** One that `chooseDevice` found to work; `cpu` if left out. */
  readonly device?: Device;
  /** Threads of one run; all cores if left out. */
  readonly threads?: number;
}

/**
 * ONNX Runtime on one device. What a device's provider has no kernel for runs
 * on the CPU.
 */
export function createNodeSessions(
  options: NodeSessionOptions = {},
): SessionFactory {
  const { device = "cpu" } = options;
  return {
    backend: "onnxruntime-node",
    device,
    hold,
    async open({ graph, weights }) {
      const sessionOptions: ort.InferenceSession.SessionOptions = {
        executionProviders: [device],
        intraOpNumThreads: options.threads ?? availableParallelism(),
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        extra: EXACT_INT8,
      };
      try {
        if (typeof graph === "string") {
          return wrap(
            await ort.InferenceSession.create(graph, sessionOptions),
            device,
          );
        }
        const externalData = Object.entries(weights).map(([path, data]) => ({
          path,
          data,
        }));
        return wrap(
          await ort.InferenceSession.create(graph, {
            ...sessionOptions,
            externalData,
          }),
          device,
        );
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new FlorenceError(
          "bundle_invalid",
          `ONNX Runtime refuses the graph: ${reason}. Convert the model again with florence convert.`,
          { cause },
        );
      }
    },
  };
}

interface NodeHeldTensor extends HeldTensor {
  readonly value: ort.Tensor;
}

function hold(tensor: Tensor): NodeHeldTensor {
  return holdValue(toOrt(tensor));
}

function holdValue(value: ort.Tensor): NodeHeldTensor {
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

/** Exports of others may take and give float16; outside it is float32. */
function toHalf(value: ort.Tensor): ort.Tensor {
  const halves = Float16Array.from(value.data as Float32Array);
  const bits = new Uint16Array(halves.buffer);
  const tensor = new ort.Tensor("float16", bits, value.dims);
  // The constructor makes a Float16Array of it, which the native side of
  // onnxruntime-node 1.30 takes for an array of no bytes.
  return Object.defineProperty(tensor, "data", { value: bits });
}

function toSingle(value: ort.Tensor): ort.Tensor {
  const data = value.data as Uint16Array | Float16Array;
  const halves =
    data instanceof Uint16Array
      ? new Float16Array(data.buffer, data.byteOffset, data.length)
      : data;
  return new ort.Tensor("float32", Float32Array.from(halves), value.dims);
}

function wrap(session: ort.InferenceSession, device: Device): Session {
  let isDisposed = false;
  const halfInputs = new Set(
    session.inputMetadata.flatMap((input) =>
      input.isTensor && input.type === "float16" ? [input.name] : [],
    ),
  );
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, options = {}) {
      if (isDisposed) throw new Error("internal: the session is disposed");
      throwIfAborted(options.signal);
      const values: Record<string, ort.Tensor> = {};
      for (const name of session.inputNames) {
        const feed = feeds[name];
        if (feed === undefined) {
          throw new Error(`internal: the graph's input "${name}" is not fed`);
        }
        // Held tensors of this factory carry their value.
        const value =
          "data" in feed ? toOrt(feed) : (feed as NodeHeldTensor).value;
        values[name] = halfInputs.has(name) ? toHalf(value) : value;
      }
      const outputs = await session
        .run(values, options.outputs ?? session.outputNames)
        .catch((cause: unknown) => {
          throw runError(device, cause);
        });
      return Object.fromEntries(
        Object.entries(outputs).map(([name, value]) => [
          name,
          holdValue(value.type === "float16" ? toSingle(value) : value),
        ]),
      );
    },
    async dispose() {
      if (isDisposed) return;
      isDisposed = true;
      await session.release();
    },
  };
}
