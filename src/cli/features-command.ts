// `florence features`: what the vision side sees at every stage, for NumPy.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  encodeNpz,
  featureNames,
  openFeatures,
  type FeatureExtractor,
  type FloatArray,
} from "../convert/index.ts";
import { bundleFolder } from "../node/bundle-folder.ts";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import { createNodeSessions } from "../node/onnxruntime-session.ts";
import { isFlorenceError } from "../shared/errors.ts";
import { decodeImage } from "../shared/image/decode-image.ts";
import { readManifest } from "../shared/model/open-model.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import { listImageInputs, type ImageInput } from "./image-inputs.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { usageError } from "./usage-error.ts";

const FLAGS = {
  out: {
    type: "string",
    short: "o",
    value: "PATH",
    summary:
      "File to write, NAME.npz; a folder, where there are several images.",
  },
  model: {
    type: "string",
    short: "m",
    value: "BUNDLE",
    summary: "Model bundle; the model in the box if left out.",
  },
  layer: {
    type: "string",
    short: "l",
    multiple: true,
    value: "NAME",
    summary:
      "Value wanted, * for any letters; may be given more than once. The ends of all stages if left out.",
  },
  "input-size": {
    type: "string",
    value: "PIXELS",
    summary: "Side the image is brought to, one the bundle takes.",
  },
  threads: {
    type: "string",
    value: "N",
    summary: "Threads; all cores if left out.",
  },
  list: {
    type: "boolean",
    summary: "Tell the values the model has, and stop.",
  },
} as const;

/** Writes features. */
export const featuresCommand: Command = {
  name: "features",
  summary: "Write what the vision tower sees at every stage, for NumPy",
  usage: "IMAGE... --out PATH [flags]",
  description: [
    "Runs the vision side alone and writes its values as arrays of 32-bit floats, [channels, height, width], into a .npz file for each image: numpy.load reads it. Florence-2 has stage_1 to stage_4, 1/4 to 1/32 of the input's side. The towers of the model in the box have a value for each step of their plans, TOWER.VALUE; without --layer those where the side is halved.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence features photo.jpg --out photo.npz",
      comment: "the ends of all stages",
    },
    {
      command:
        "florence features photos --out features --layer stage_3 --model base-ft",
      comment: "one stage of many photos",
    },
    {
      command: "florence features --list",
      comment: "what the model in the box has",
    },
  ],
  run: runFeatures,
};

async function runFeatures(
  argv: readonly string[],
  io: CliIo,
): Promise<number> {
  const { values, positionals } = parseFlags("features", FLAGS, argv);
  const bundle = bundleFolder(values.model ?? MODEL_IN_THE_BOX);
  const manifest = await readManifest(bundle);
  if (values.list === true) {
    const names = await featureNames(bundle, manifest);
    const lines = names.map(
      ({ name, endsStage }) => `${name}${endsStage ? " *" : ""}\n`,
    );
    io.stdout.write(lines.join(""));
    return exitCode("ok");
  }
  const { out } = values;
  if (out === undefined)
    throw usageError("Name what to write with --out.", "features");
  const images = await listImageInputs(positionals, io);
  const threads = positive("threads", values.threads);
  const extractor = await openFeatures(
    bundle,
    manifest,
    createNodeSessions(threads === undefined ? {} : { threads }),
    {
      names: values.layer,
      inputSize: positive("input-size", values["input-size"]),
      signal: io.signal,
    },
  );
  try {
    const isFile = images.length === 1 && out.endsWith(".npz");
    return await writeAll(
      images,
      (name) => (isFile ? out : join(out, `${name}.npz`)),
      extractor,
      io,
    );
  } finally {
    await extractor.dispose();
  }
}

/** One file for each image; an image that cannot be read is told and left out. */
async function writeAll(
  images: readonly ImageInput[],
  pathOf: (name: string) => string,
  extractor: FeatureExtractor,
  io: CliIo,
): Promise<number> {
  const codecs = await loadImageCodecs();
  let code = exitCode("ok");
  for (const input of images) {
    try {
      const { image } = await decodeImage(await input.read(), codecs);
      const arrays = await extractor.extract(image);
      const path = pathOf(input.name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, encodeNpz(arrays));
      io.stdout.write(`${path}: ${shapesOf(arrays)}\n`);
    } catch (error) {
      if (!isFlorenceError(error) || io.signal.aborted) throw error;
      io.stderr.write(`florence: ${input.source}: ${error.message}\n`);
      code = exitCode("some");
    }
  }
  return code;
}

function shapesOf(arrays: ReadonlyMap<string, FloatArray>): string {
  return [...arrays]
    .map(([name, { dims }]) => `${name} ${dims.join("x")}`)
    .join(", ");
}

function positive(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/u.test(value)) return Number(value);
  throw usageError(
    `--${flag} takes a whole number above 0; "${value}" was given.`,
    "features",
  );
}
