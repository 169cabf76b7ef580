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

export interface NodeSessionOptions {
  /** Threads of one run; all cores if left out. */
  readonly threads?: number;
}

/** ONNX Runtime's CPU provider. */
export function createNodeSessions(
  options: NodeSessionOptions = {},
): SessionFactory {
  return {
    backend: "onnxruntime-node",
    device: "cpu",
    hold,
    async open({ graph, weights }) {
      const sessionOptions: ort.InferenceSession.SessionOptions = {
        executionProviders: ["cpu"],
        intraOpNumThreads: options.threads ?? availableParallelism(),
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      };
      try {
        if (typeof graph === "string") {
          return wrap(await ort.InferenceSession.create(graph, sessionOptions));
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

function wrap(session: ort.InferenceSession): Session {
  let isDisposed = false;
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
        values[name] =
          "data" in feed ? toOrt(feed) : (feed as NodeHeldTensor).value;
      }
      const outputs = await session
        .run(values, options.outputs ?? session.outputNames)
        .catch((cause: unknown) => {
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new FlorenceError(
            "engine_bad_output",
            `ONNX Runtime failed: ${reason}`,
            { cause },
          );
        });
      return Object.fromEntries(
        Object.entries(outputs).map(([name, value]) => [
          name,
          holdValue(value),
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
