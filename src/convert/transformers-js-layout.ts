// Writes the directory that `Florence2ForConditionalGeneration` of
// transformers.js loads: configs, tokenizer, and four graphs under `onnx/`.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError } from "../shared/errors.ts";
import {
  alignUp,
  writeGraphs,
  type DirectoryWriter,
  type Shard,
  type ShardPlan,
  type WriteOptions,
} from "./bundle-writer.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { readGeneration } from "../shared/model/generation-config.ts";
import {
  hasLogitsBias,
  readDavitConfig,
  readTextConfig,
  visionKind,
} from "./model-config.ts";
import type { Graph } from "./onnx/graph.ts";
import type { Precision } from "./onnx/layers.ts";
import { transformersJsGraphs } from "./onnx/transformers-js-graphs.ts";
import { readImageInput } from "../shared/model/preprocessor-config.ts";

/** How transformers.js names the files of a precision. */
export const SUFFIXES = {
  fp32: "",
  fp16: "_fp16",
  int8: "_int8",
} as const satisfies Record<Precision, string>;

/** Files of external data; each stays below the 2 GB a Buffer can hold. */
const CHUNK_BYTES = 1.5 * 2 ** 30;

/**
 * Writes the layout of transformers.js.
 *
 * @throws FlorenceError `bundle_invalid` if the checkpoint has towers of our
 *   own: transformers.js knows DaViT only.
 */
export async function writeTransformersJsLayout(
  checkpoint: Checkpoint,
  writer: DirectoryWriter,
  options: WriteOptions & { readonly precision: Precision },
): Promise<void> {
  if (visionKind(checkpoint) !== "davit") {
    throw new FlorenceError(
      "bundle_invalid",
      `${checkpoint.name} has hint towers, which transformers.js does not know. Convert it with --layout florence.`,
    );
  }
  const { precision } = options;
  const text = readTextConfig(checkpoint);
  const davit = readDavitConfig(checkpoint);
  const suffix = SUFFIXES[precision];
  const graphs = transformersJsGraphs(
    checkpoint,
    davit,
    text,
    precision,
    await hasLogitsBias(checkpoint),
  ).map((graph) => ({ ...graph, name: graph.name + suffix }));
  const shards = graphs.flatMap(shardsOfGraph);
  await writeGraphs(writer, graphs, {
    ...options,
    folder: "onnx/",
    shards: planOwnShards,
  });
  const input = readImageInput(checkpoint);
  const counts = new Map<string, number>();
  for (const { file } of shards) {
    const graph = file.replace(/\.onnx_data(?:_\d+)?$/u, ".onnx");
    counts.set(graph, (counts.get(graph) ?? 0) + 1);
  }
  const json = (name: string, value: unknown): Promise<void> =>
    writer.add(name, `${JSON.stringify(value, null, 1)}\n`);
  await json("config.json", {
    ...checkpoint.config,
    model_type: "florence2",
    architectures: ["Florence2ForConditionalGeneration"],
    is_encoder_decoder: true,
    "transformers.js_config": {
      use_external_data_format: Object.fromEntries(counts),
    },
  });
  const { suppress_tokens: suppressed, ...generation } = readGeneration(
    checkpoint,
    text.vocabulary,
  );
  await json("generation_config.json", {
    ...generation,
    ...(suppressed.length > 0 ? { suppress_tokens: suppressed } : {}),
  });
  await json("preprocessor_config.json", {
    image_processor_type: "CLIPImageProcessor",
    processor_class: "Florence2Processor",
    do_resize: true,
    size: { height: input.size, width: input.size },
    resample: 3,
    do_center_crop: false,
    do_rescale: true,
    do_normalize: true,
    image_mean: input.mean.map((value) => value / 255),
    image_std: input.std.map((value) => value / 255),
    ...checkpoint.preprocessorConfig,
  });
  for (const file of checkpoint.tokenizerFiles) {
    await writer.add(file, await readFile(join(checkpoint.directory, file)));
  }
}

/** Every graph has its own data: transformers.js shares none. */
const planOwnShards: ShardPlan = (graphs) => graphs.flatMap(shardsOfGraph);

function shardsOfGraph(graph: Graph): Shard[] {
  const shards: {
    file: string;
    bytes: number;
    weights: { initializer: Graph["initializers"][number]; offset: number }[];
  }[] = [];
  for (const initializer of graph.initializers) {
    let shard = shards.at(-1);
    if (
      shard === undefined ||
      alignUp(shard.bytes) + initializer.bytes > CHUNK_BYTES
    ) {
      const index = shards.length === 0 ? "" : `_${shards.length}`;
      shard = {
        file: `${graph.name}.onnx_data${index}`,
        bytes: 0,
        weights: [],
      };
      shards.push(shard);
    }
    const offset = alignUp(shard.bytes);
    shard.weights.push({ initializer, offset });
    shard.bytes = offset + initializer.bytes;
  }
  return shards;
}
