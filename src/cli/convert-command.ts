// `florence convert`: a checkpoint becomes a bundle.

import {
  convertCheckpoint,
  EDGE_CHOICES,
  type EdgeChoices,
  parseEdgeChoices,
} from "../convert/index.ts";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { decodeImage } from "../shared/image/decode-image.ts";
import type { RgbImage } from "../shared/image/rgb-image.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import { listImageInputs } from "./image-inputs.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { pickValue } from "./pick-value.ts";
import { createProgress } from "./progress.ts";
import { usageError } from "./usage-error.ts";

const PRECISIONS = ["fp32", "fp16", "int8", "edge"] as const;
const LAYOUTS = ["florence", "transformers-js"] as const;

const FLAGS = {
  out: {
    type: "string",
    short: "o",
    value: "BUNDLE",
    summary: "Folder to write; a bundle that is there already is replaced.",
  },
  precision: {
    type: "string",
    short: "p",
    value: "PRECISION",
    summary:
      "fp32, the default: the reference's own answers; fp16: half the size; int8: a quarter of it, nearly the same answers; edge: for the kernels of our own, as --bits says.",
  },
  bits: {
    type: "string",
    value: "BITS",
    summary:
      "With --precision edge: bits of a weight, 7, 4 or 32 (float); other ones for single parts, as in 7,decoder=4. florence inspect names the parts.",
  },
  group: {
    type: "string",
    value: "N",
    summary:
      "With --precision edge: 4-bit weights that share a scale, a multiple of 8; 32 if left out.",
  },
  exact: {
    type: "string",
    value: "MB",
    summary:
      "With --precision edge: megabytes by which the bundle may grow so that the first matrices of a small model's towers stay in float; none if left out.",
  },
  layout: {
    type: "string",
    value: "LAYOUT",
    summary:
      "florence, the default, or transformers-js: the four graphs that library loads.",
  },
  calibrate: {
    type: "string",
    value: "FOLDER",
    summary:
      "With --precision edge: photos by which weights of 7 and 4 bits are rounded, some seconds each; 8 to 32 are enough.",
  },
  calibrated: {
    type: "string",
    value: "all|vision",
    summary:
      "With --calibrate: which weights these photos round; all if left out.",
  },
  id: {
    type: "string",
    value: "NAME",
    summary: "What answers call the model; the folder's name if left out.",
  },
  license: {
    type: "string",
    value: "NAME",
    summary: "Licence of the weights, where the checkpoint does not say.",
  },
} as const;

/** Converts checkpoints. */
export const convertCommand: Command = {
  name: "convert",
  summary: "Make a model bundle of a Hugging Face checkpoint",
  usage: "DIR --out BUNDLE [flags]",
  description: [
    "Writes the model of a Hugging Face checkpoint as a bundle: a manifest, graphs, weights and the tokenizer. Takes any Florence-2, in transformers' or Microsoft's naming, from safetensors; large ones too, since it reads one tensor at a time.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence convert Florence-2-base-ft --out base-ft",
      comment: "make a bundle of a downloaded checkpoint",
    },
    {
      command:
        "florence convert Florence-2-base-ft --out base-ft-int8 --precision int8",
      comment: "one of a quarter of the size",
    },
    {
      command:
        "florence convert Florence-2-base-ft --out base-ft-edge --precision edge --bits 7,decoder=4,embedding=4",
      comment: "one for the edge, the decoder and the vocabulary in 4 bits",
    },
    {
      command: "florence analyze photo.jpg --model base-ft",
      comment: "then ask it",
    },
  ],
  run: runConvert,
};

async function runConvert(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("convert", FLAGS, argv);
  const [directory, ...rest] = positionals;
  if (directory === undefined || rest.length > 0)
    throw usageError("Name one checkpoint folder.", "convert");
  if (values.out === undefined)
    throw usageError("Name the folder to write with --out.", "convert");
  const options = {
    out: values.out,
    precision: pickValue("precision", values.precision, PRECISIONS) ?? "fp32",
    layout: pickValue("layout", values.layout, LAYOUTS),
    edge: edgeChoices(values),
    id: values.id,
    license: values.license,
    signal: io.signal,
  };
  const calibration = await calibrationPhotos(values, io);
  const progress = createProgress(io.stderr, "bytes");
  try {
    const { path, files, bytes, precision } = await convertCheckpoint(
      directory,
      {
        ...options,
        calibration,
        calibrated: calibratedOf(values),
        onProgress: ({ doneBytes, totalBytes, item }) => {
          progress.update(doneBytes, totalBytes, item);
        },
      },
    );
    progress.stop();
    io.stdout.write(
      `Wrote ${path}: ${precision}, ${files} files, ${(bytes / 1e6).toFixed(1)} MB.\n`,
    );
    return exitCode("ok");
  } finally {
    progress.stop();
  }
}

/** The photos of --calibrate. */
async function calibrationPhotos(
  { precision, calibrate }: { readonly precision?: string | undefined; readonly calibrate?: string | undefined }, // prettier-ignore
  io: CliIo,
): Promise<RgbImage[] | undefined> {
  if (calibrate === undefined) return undefined;
  if (precision !== "edge") {
    throw usageError("--calibrate needs --precision edge.", "convert");
  }
  const codecs = await loadImageCodecs();
  const photos: RgbImage[] = [];
  for (const input of await listImageInputs([calibrate], io)) {
    photos.push((await decodeImage(await input.read(), codecs)).image);
  }
  return photos;
}

/** What --calibrated says, if anything. */
function calibratedOf({
  calibrate,
  calibrated,
}: {
  readonly calibrate?: string | undefined;
  readonly calibrated?: string | undefined;
}): "all" | "vision" | undefined {
  if (calibrated === undefined) return undefined;
  if (calibrate === undefined) {
    throw usageError("--calibrated needs --calibrate.", "convert");
  }
  if (calibrated === "all" || calibrated === "vision") return calibrated;
  throw usageError(
    `--calibrated is ${calibrated}; use all or vision.`,
    "convert",
  );
}

/** What --bits, --group and --exact say, if anything. */
function edgeChoices(values: {
  readonly precision?: string | undefined;
  readonly bits?: string | undefined;
  readonly group?: string | undefined;
  readonly exact?: string | undefined;
}): EdgeChoices | undefined {
  const { precision, bits, group, exact } = values;
  if ([bits, group, exact].every((value) => value === undefined)) {
    return undefined;
  }
  if (precision !== "edge") {
    throw usageError(
      "--bits, --group and --exact need --precision edge.",
      "convert",
    );
  }
  return {
    ...(bits === undefined ? EDGE_CHOICES : parseEdgeChoices(bits)),
    ...(group !== undefined && { group: groupOf(group) }),
    ...(exact !== undefined && { exactBytes: bytesOf(exact) }),
  };
}

function groupOf(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 8 && size % 8 === 0) return size;
  throw usageError(`--group is ${text}; use a multiple of 8.`, "convert");
}

function bytesOf(text: string): number {
  const megabytes = Number(text);
  if (text.trim() !== "" && Number.isFinite(megabytes) && megabytes >= 0) {
    return Math.round(megabytes * 1e6);
  }
  throw usageError(`--exact is ${text}; use megabytes, as in 2.5.`, "convert");
}
