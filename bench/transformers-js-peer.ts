// transformers.js in Node, one thread, on graphs that `florence convert --layout
// transformers-js` wrote: the peer of benchmarks.

import {
  env,
  Florence2ForConditionalGeneration,
  Tensor,
} from "@huggingface/transformers";

/** A picture as a model takes it. */
export interface Pixels {
  readonly data: Float32Array; // [3, size, size]
  readonly size: number;
}

export interface Peer {
  /**
   * Sees the picture and answers one prompt, greedily.
   *
   * @param ids the prompt's.
   * @param tokens so many, no more and no fewer.
   */
  answer(
    pixels: Pixels,
    ids: readonly number[],
    tokens: number,
  ): Promise<number[]>;
  /** Time of each graph since the last call, in milliseconds. */
  takeParts(): Map<string, number>;
  dispose(): Promise<void>;
}

/** Opens a folder, its graphs timed one by one. */
export async function openPeer(
  directory: string,
  dtype: "fp32" | "int8",
): Promise<Peer> {
  env.allowRemoteModels = false;
  env.localModelPath = "";
  const model = await Florence2ForConditionalGeneration.from_pretrained(
    directory,
    {
      device: "cpu",
      dtype,
      local_files_only: true,
      session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
    },
  );
  let parts = new Map<string, number>();
  // The sessions are not part of the library's types.
  const { sessions } = model as unknown as {
    sessions: Record<string, { run(...args: unknown[]): Promise<unknown> }>;
  };
  for (const [name, session] of Object.entries(sessions)) {
    const run = session.run.bind(session);
    session.run = async (...args) => {
      const start = performance.now();
      const outputs = await run(...args);
      parts.set(name, (parts.get(name) ?? 0) + performance.now() - start);
      return outputs;
    };
  }
  return {
    async answer({ data, size }, ids, tokens) {
      const output = await model.generate({
        pixel_values: new Tensor("float32", data, [1, 3, size, size]),
        input_ids: int64(ids),
        attention_mask: int64(ids.map(() => 1)),
        max_new_tokens: tokens,
        min_new_tokens: tokens,
        num_beams: 1,
        do_sample: false,
        no_repeat_ngram_size: 3,
        forced_eos_token_id: null,
        // The library's types do not know these keys of its own configuration.
      } as never);
      const [row] = (output as Tensor).tolist() as bigint[][];
      return row!.slice(1).map(Number);
    },
    takeParts() {
      const taken = parts;
      parts = new Map();
      return taken;
    },
    async dispose() {
      await model.dispose();
    },
  };
}

function int64(ids: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]);
}
