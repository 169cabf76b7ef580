// From a Hugging Face directory to a model bundle.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  MANIFEST_VERSION,
  parseManifest,
  type Manifest,
} from "../shared/model/manifest.ts";
import { TASKS } from "../shared/tasks/index.ts";
import { FlorenceError } from "../shared/errors.ts";
import {
  writeDirectory,
  writeGraphs,
  type ConvertProgress,
  type DirectoryWriter,
} from "./bundle-writer.ts";
import { openCheckpoint, type Checkpoint } from "./checkpoint.ts";
import type { RgbImage } from "../shared/image/rgb-image.ts";
import { type Grams, isOfVision, watchLayers } from "./edge/calibrate.ts";
import { EDGE_CHOICES, type EdgeChoices } from "./edge/edge-choices.ts";
import {
  describeEdgeModel,
  type EdgeModel,
  roundedMatrices,
} from "./edge/pack-checkpoint.ts";
import { writeEdgeWeights } from "./edge/write-edge-weights.ts";
import { readGeneration } from "../shared/model/generation-config.ts";
import {
  hasLogitsBias,
  readDavitConfig,
  readTextConfig,
  visionKind,
  type TextConfig,
} from "./model-config.ts";
import {
  decoderGraph,
  encoderGraph,
  visionGraph,
} from "./onnx/florence-graphs.ts";
import type { Precision } from "./onnx/layers.ts";
import { countParts, florenceMacs, type Part } from "./parts.ts";
import { readImageInput } from "../shared/model/preprocessor-config.ts";
import { towersVision, type VisionSide } from "./hint-towers.ts";
import { writeTransformersJsLayout } from "./transformers-js-layout.ts";

export interface ConvertOptions {
  /** Where the bundle goes; an earlier bundle there is replaced. */
  readonly out: string;
  /** `edge`: for the kernels' backend, as `edge` says. */
  readonly precision: Precision | "edge";
  /** How parts are stored for the kernels; one byte each if left out. */
  readonly edge?: EdgeChoices | undefined;
  /**
   * Photos by whose layers' inputs quantized weights are rounded, for the
   * kernels; some seconds each.
   */
  readonly calibration?: readonly RgbImage[] | undefined;
  /** Which weights these photos round: all, or the vision side's alone. */
  readonly calibrated?: "all" | "vision" | undefined;
  /** `florence` (the default) or the four graphs of transformers.js. */
  readonly layout?: "florence" | "transformers-js" | undefined;
  /** What to call the model; the directory's name if left out. */
  readonly id?: string | undefined;
  /** Where the weights come from; `_name_or_path` of the config, or the id. */
  readonly source?: string | undefined;
  /** Licence of the weights; that of the README's front matter, or `unknown`. */
  readonly license?: string | undefined;
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a conversion made. */
export interface ConvertedModel {
  readonly path: string;
  readonly layout: Manifest["layout"];
  readonly precision: Manifest["precision"];
  readonly bytes: number;
  readonly files: number;
}

/**
 * Converts a checkpoint directory, native or in Microsoft's original naming.
 *
 * Streams: peak memory is below 1.5 times the largest tensor plus 300 MB.
 *
 * @throws FlorenceError `bundle_invalid` if the checkpoint cannot be used,
 *   `invalid_request` if `out` holds something else or options do not go
 *   together, `deadline_exceeded` if the signal was aborted. Nothing is left of a failed conversion.
 */
export async function convertCheckpoint(
  directory: string,
  options: ConvertOptions,
): Promise<ConvertedModel> {
  const layout = layoutOf(options);
  const checkpoint = await openCheckpoint(directory);
  try {
    const isForeign = layout === "transformers-js";
    const files = await writeDirectory(
      options.out,
      (names) =>
        isForeign
          ? names.includes("config.json") && names.includes("onnx")
          : names.includes("manifest.json"),
      async (writer) => {
        await writeLayout(checkpoint, writer, options);
        return writer.files;
      },
    );
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return {
      path: options.out,
      layout,
      precision: options.precision,
      bytes,
      files: files.length,
    };
  } finally {
    await checkpoint.close();
  }
}

function layoutOf({ layout, precision }: ConvertOptions): Manifest["layout"] {
  if (precision !== "edge") return layout ?? "florence";
  if (layout === undefined || layout === "florence") return "edge";
  throw new FlorenceError(
    "invalid_request",
    "Precision edge is for the kernels and has no graphs. Leave the layout out, or take another precision.",
  );
}

async function writeLayout(
  checkpoint: Checkpoint,
  writer: DirectoryWriter,
  options: ConvertOptions,
): Promise<void> {
  const { precision, layout } = options;
  if (precision === "edge") {
    await writeEdgeLayout(checkpoint, writer, options);
  } else if (layout === "transformers-js") {
    await writeTransformersJsLayout(checkpoint, writer, {
      ...options,
      precision,
    });
  } else {
    await writeFlorenceLayout(checkpoint, writer, options, precision);
  }
}

/** `edge.json` and packed weights; what a reader reads is left out. */
async function writeEdgeLayout(
  checkpoint: Checkpoint,
  writer: DirectoryWriter,
  options: ConvertOptions,
): Promise<void> {
  const text = readTextConfig(checkpoint);
  const vision = readVision(checkpoint, text, "fp32");
  const choices = options.edge ?? EDGE_CHOICES;
  const described = describeEdgeModel(checkpoint, choices);
  const grams = await calibrate(checkpoint, described, options);
  const model = { ...described, ...(grams !== null && { grams }) };
  const { plan, stored } = await writeEdgeWeights(model, writer, options);
  const counted = countParts(checkpoint, stored, vision.macs);
  await writeManifest(checkpoint, writer, options, text, {
    precision: "edge",
    layout: "edge",
    tasks: tasksOf(checkpoint).filter(
      (task) => vision.readyGraphs.length === 0 || !task.startsWith("ocr"),
    ),
    vision: withoutReader(vision.spec),
    graphs: {},
    parts: counted.map((part) => {
      const storage = plan.parts[part.name];
      return storage === undefined ? part : { ...part, stored: storage };
    }),
  });
}

/** What the layers see of the photos given, if any. */
async function calibrate(
  { directory }: Checkpoint,
  described: EdgeModel,
  { calibration, calibrated }: ConvertOptions,
): Promise<Grams | null> {
  if (calibration === undefined || calibration.length === 0) return null;
  const folder = await mkdtemp(join(tmpdir(), "florence-calibration-"));
  const out = join(folder, "exact");
  try {
    const edge = { rest: "f32" } as const;
    await convertCheckpoint(directory, { out, precision: "edge", edge });
    const rounded = roundedMatrices(described).filter(
      (name) => calibrated !== "vision" || isOfVision(name),
    );
    return await watchLayers(out, calibration, new Set(rounded));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The kernels do not run the graphs of a reader. */
function withoutReader(spec: Manifest["vision"]): Manifest["vision"] {
  if (spec.kind === "davit") return spec;
  const rest = { ...spec };
  delete rest.reader;
  return rest;
}

async function writeFlorenceLayout(
  checkpoint: Checkpoint,
  writer: DirectoryWriter,
  options: ConvertOptions,
  precision: Precision,
): Promise<void> {
  const text = readTextConfig(checkpoint);
  const vision = readVision(checkpoint, text, precision);
  const hasBias = await hasLogitsBias(checkpoint);
  const graphs = [
    ...vision.graphs,
    encoderGraph(checkpoint, text, precision),
    decoderGraph(checkpoint, text, precision, hasBias),
  ];
  const entries = await writeGraphs(writer, graphs, options);
  const ready: Part[] = [];
  for (const { name, file, parameters, macs } of vision.readyGraphs) {
    const bytes = await readGraph(checkpoint, file);
    await writer.add(`${name}.onnx`, bytes);
    entries[name] = { file: `${name}.onnx`, weights: [] };
    ready.push({ name, parameters, bytes: bytes.length, macs });
  }
  const stored = new Map(
    graphs.flatMap((graph) =>
      graph.initializers.map((weight) => [weight.name, weight] as const),
    ),
  );
  await writeManifest(checkpoint, writer, options, text, {
    precision,
    layout: "florence",
    tasks: tasksOf(checkpoint),
    vision: vision.spec,
    graphs: entries,
    parts: [...countParts(checkpoint, stored.values(), vision.macs), ...ready],
  });
}

/** The tokenizer, and what the manifest says beside what a layout says. */
async function writeManifest(
  checkpoint: Checkpoint,
  writer: DirectoryWriter,
  options: ConvertOptions,
  text: TextConfig,
  layout: Pick<
    Manifest,
    "precision" | "layout" | "tasks" | "vision" | "graphs" | "parts"
  >,
): Promise<void> {
  const generation = readGeneration(checkpoint, text.vocabulary);
  for (const file of checkpoint.tokenizerFiles) {
    await writer.add(file, await readFile(join(checkpoint.directory, file)));
  }
  const id = options.id ?? checkpoint.name;
  const manifest: Manifest = {
    schema_version: MANIFEST_VERSION,
    id,
    revision: revisionOf(writer),
    source: options.source ?? nameOf(checkpoint) ?? id,
    license: options.license ?? (await licenseOf(checkpoint)),
    ...layout,
    thresholds: numbersOf(checkpoint, "florence_thresholds") ?? {},
    ...leastScoresOf(checkpoint),
    text: {
      d_model: text.width,
      encoder_layers: text.encoderLayers,
      decoder_layers: text.decoderLayers,
      heads: text.heads,
      vocabulary: text.vocabulary,
      positions: text.positions,
    },
    generation,
    tokenizer: [...checkpoint.tokenizerFiles],
    files: [...writer.files],
  };
  // A manifest that this release could not read must not leave the house.
  await writer.add(
    "manifest.json",
    `${JSON.stringify(parseManifest(manifest), null, 1)}\n`,
  );
}

async function readGraph(
  { directory }: Checkpoint,
  file: string,
): Promise<Uint8Array> {
  try {
    return await readFile(join(directory, file));
  } catch (cause) {
    throw new FlorenceError(
      "bundle_invalid",
      `config.json names the graph ${file}, which cannot be read in ${directory}. Copy it there, or make the checkpoint again.`,
      { cause },
    );
  }
}

function readVision(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
): VisionSide {
  if (visionKind(checkpoint) === "hint_towers")
    return towersVision(checkpoint, text, precision);
  const davit = readDavitConfig(checkpoint);
  const input = readImageInput(checkpoint);
  return {
    graphs: [visionGraph(checkpoint, davit, text, precision)],
    spec: {
      kind: "davit",
      input,
      input_sizes: inputSizes(input.size, davit.positions),
    },
    macs: florenceMacs(davit, text, input.size),
    readyGraphs: [],
  };
}

/** The size it was made for first, then those the position tables allow. */
function inputSizes(own: number, positions: number): number[] {
  const others = [384, 512, 768, 1024].filter(
    (side) => side !== own && side / 32 <= positions,
  );
  return [own, ...others];
}

function nameOf(checkpoint: Checkpoint): string | null {
  const name = checkpoint.config["_name_or_path"];
  return typeof name === "string" && name !== "" && !name.startsWith("/")
    ? name
    : null;
}

/** `license:` of the README's front matter, as the Hub has it. */
async function licenseOf(checkpoint: Checkpoint): Promise<string> {
  const path = join(checkpoint.directory, "README.md");
  if (!existsSync(path)) return "unknown";
  const [, front] =
    /^---\n([\s\S]*?)\n---/u.exec(await readFile(path, "utf8")) ?? [];
  return /^license:\s*(\S+)\s*$/mu.exec(front ?? "")?.[1] ?? "unknown";
}

function tasksOf(checkpoint: Checkpoint): string[] {
  const all = TASKS.map((task) => task.spelling);
  const stated = checkpoint.config["florence_tasks"];
  if (stated === undefined) return all;
  if (
    Array.isArray(stated) &&
    stated.every((task) => all.includes(task as string))
  ) {
    return stated as string[];
  }
  throw new FlorenceError(
    "bundle_invalid",
    `florence_tasks of config.json is ${JSON.stringify(stated)}; it may list ${all.join(", ")}.`,
  );
}

function leastScoresOf(checkpoint: Checkpoint): Pick<Manifest, "min_scores"> {
  const stated = numbersOf(checkpoint, "florence_min_scores");
  return stated === undefined ? {} : { min_scores: stated };
}

/** Numbers by task; `parseManifest` checks them. */
function numbersOf(
  checkpoint: Checkpoint,
  name: string,
): Record<string, number> | undefined {
  return checkpoint.config[name] as Record<string, number> | undefined;
}

/** Names exactly these weights: a hash over the files' hashes. */
function revisionOf(writer: DirectoryWriter): string {
  const hashes = writer.files.map((file) => file.sha256).sort();
  return `sha256:${createHash("sha256").update(hashes.join("\n")).digest("hex")}`;
}
