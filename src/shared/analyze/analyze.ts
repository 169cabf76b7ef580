// One request: a decoded image and its tasks in, one envelope out. The image
// is seen once, whatever the number of tasks; a large one, if asked for, tile by
// tile as well.

import type { ImageSize } from "../geometry.ts";
import type { DecodedImage } from "../image/decode-image.ts";
import type { LoadedModel } from "../model/open-model.ts";
import type { Rasterizer } from "../render/rasterizer.ts";
import type { AnalyzeOptions, Envelope } from "../schema/analysis.ts";
import type { TaskRequest } from "../tasks/index.ts";
import { createCropper } from "./crops.ts";
import type { AnalyzeEvents } from "./events.ts";
import { lookAtViews } from "./look-at-views.ts";
import { planTask } from "./plan-tasks.ts";
import { refuseImpossible } from "./refuse-impossible.ts";
import { renderResults } from "./render-results.ts";
import type { ImageFacts, SeenImage } from "./seen-image.ts";
import { createTaskBoard, isAsked } from "./task-board.ts";
import { tileViews, wholeView, type View } from "./views.ts";

export type { AnalyzeEvents } from "./events.ts";

/** What the platform must bring. */
export interface Platform {
  /** Milliseconds; only differences and the date of the envelope depend on it. */
  readonly now: () => number;
  /** A new id, such as `an_01J...` for the prefix `an`. */
  readonly id: (prefix: string) => string;
  /** Lower-case hexadecimal SHA-256. */
  readonly sha256: (bytes: Uint8Array) => Promise<string>;
  /** Draws pictures; where it is left out there are none as PNG. */
  readonly rasterizer?: Rasterizer;
}

export interface AnalyzeInput {
  /**
   * The image, or null where `seen` holds what is needed of it: tiles, crops and
   * a PNG need its pixels.
   */
  readonly image: DecodedImage | null;
  /** The file the image was decoded from; null where only `seen` is at hand. */
  readonly bytes: Uint8Array | null;
  /**
   * A vision pass over the whole image from before, by this model and at the
   * size that is asked for: given, none is made.
   */
  readonly seen?: SeenImage | null;
  readonly tasks: readonly TaskRequest[];
  readonly options: AnalyzeOptions;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** What decoding took, for the envelope's timings. */
  readonly decodeMs?: number;
  /** The engine that answers, for the envelope. */
  readonly engine?: "edge" | "container" | "gpu";
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers all tasks of a request over one vision pass, and one for each tile.
 *
 * A task that fails, or is not finished when the signal is aborted, becomes a
 * problem among the results. One that was finished on some of its tiles by then
 * has a result of those, and a warning says so.
 *
 * @throws FlorenceError the first task's error if every task failed, so
 *   `deadline_exceeded` if the signal was aborted before any was finished;
 *   `engine_unavailable` if the backend is gone, whatever is finished;
 *   `invalid_request` for options that need pixels or a rasterizer that are not
 *   there.
 */
export async function analyze(
  loaded: LoadedModel,
  input: AnalyzeInput,
  platform: Platform,
  events: AnalyzeEvents = {},
): Promise<Envelope> {
  const { options } = input;
  refuseImpossible(input, platform);
  const startMs = platform.now();
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    events.warning?.(message);
  };
  if (input.image?.scaled === true) {
    warn(
      "The JPEG was decoded at a reduced size before it was resized for the model; boxes refer to its full size.",
    );
  }

  const facts = await factsOf(input, platform);
  const image: ImageSize = { width: facts.width, height: facts.height };
  const scale: ImageSize =
    options.coordinates === "normalized" ? { width: 1, height: 1 } : image;
  const tiles = tilesOf(loaded, input, image, scale);
  const isTiled = tiles.length > 0;
  const plans = input.tasks.map((task, index) =>
    planTask(task, index, { ...loaded, image, scale, isTiled, warn }),
  );
  const views = [wholeView(image, scale), ...tiles].filter((view) =>
    plans.some((plan) => !("error" in plan) && isAsked(plan, view)),
  );
  const cropper =
    options.render.crops === "png" && input.image !== null
      ? createCropper(input.image.image, scale, warn)
      : null;
  const board = createTaskBoard(plans, views, {
    ...{ loaded, options, image, scale, cropper, events, warn },
  });
  const { cut, ...look } = await lookAtViews(views, {
    ...{ loaded, input, platform, board, facts, events },
  });
  const { results, errors, isWhole } = board.close(cut);
  if (errors.length === results.length) throw errors[0] ?? internalError();

  const textEndMs = platform.now();
  const rendering = await renderResults(
    results,
    { ...input, size: image },
    platform.rasterizer ?? null,
    warn,
  );
  const endMs = platform.now();
  const decodeMs = input.decodeMs ?? 0;
  const { manifest } = loaded;
  const engine = input.engine ?? "edge";
  return {
    id: platform.id("an"),
    object: "analysis",
    created: new Date(startMs).toISOString(),
    status: isWhole ? "completed" : "partial",
    image: facts,
    results: [...results],
    model: {
      id: manifest.id,
      revision: manifest.revision,
      quantization: manifest.precision,
      ...(look.inputSize !== null && { input_size: look.inputSize }),
    },
    engine: { used: engine, attempts: [{ engine, outcome: "ok" }] },
    usage: {
      vision_passes: look.visionPasses,
      tiles: Math.max(1, views.filter(({ tile }) => tile !== null).length),
      prompt_tokens: look.promptTokens,
      output_tokens: look.outputTokens,
    },
    timings_ms: {
      decode: round(decodeMs),
      vision: round(look.visionMs),
      text: round(textEndMs - startMs - look.visionMs),
      total: round(decodeMs + endMs - startMs),
    },
    ...(rendering !== null && { rendering }),
    warnings,
    metadata: input.metadata ?? {},
  };
}

/** What the envelope says of the image. */
async function factsOf(
  { image, bytes, seen }: AnalyzeInput,
  platform: Platform,
): Promise<ImageFacts> {
  if (seen !== undefined && seen !== null) return seen.image;
  if (image === null || bytes === null) {
    throw new Error("internal: neither an image nor what was seen of it");
  }
  return {
    ...image.size,
    media_type: image.mediaType,
    sha256: await platform.sha256(bytes),
    orientation_applied: image.orientationApplied,
  };
}

/** Tiles of the image; none unless they are asked for and it is large. */
function tilesOf(
  { model }: LoadedModel,
  { image, options }: AnalyzeInput,
  size: ImageSize,
  scale: ImageSize,
): readonly View[] {
  const { tiling, input_size } = options;
  if (image === null || tiling.mode === "off") return [];
  const inputSize =
    typeof input_size === "number"
      ? input_size
      : model.capabilities.inputSizes[0]!;
  const { max_tiles: maxTiles, overlap } = tiling;
  return tileViews(image.image, size, scale, { maxTiles, overlap, inputSize });
}

function internalError(): Error {
  return new Error("internal: no task failed, and none was answered");
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
