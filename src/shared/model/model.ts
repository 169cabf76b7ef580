// The wall between the core and whatever runs a model. It stands at the level
// of the model, not of graphs: images become features, features and prompts
// become a decoding state, and a state takes one token per row and says what
// comes next. A backend never hands over the whole vocabulary.

import type { RgbImage } from "../image/rgb-image.ts";
import type { Manifest } from "./manifest.ts";

/** What the vision side made for one prompt, or for all of one form. */
export interface PromptSight {
  /** Ids of the prompt, `<s>` and `</s>` included. */
  readonly prompt: readonly number[];
  /** Given, any words of the caller's stand before this position of `prompt`. */
  readonly openAt?: number;
  /** In place of the image's: what a closer look at a region gave. */
  readonly hintIds?: readonly number[];
  /** Whether matches with the prompt's words are yet to be marked in `hintIds`. */
  readonly isForWords?: boolean;
  /** The whole answer, where no language model is asked. */
  readonly answer?: WrittenAnswer;
  /** Each box the language model names is told as the outline of what is in it. */
  readonly outlines?: readonly BoxOutline[];
}

/** A box of the hints and the outline of what is in it. */
export interface BoxOutline {
  /** Four location ids. */
  readonly box: readonly number[];
  /** Location ids of its rings, parted by `<sep>`. */
  readonly ids: readonly number[];
}

/** An answer the vision side wrote itself. */
export interface WrittenAnswer {
  /** `<s>` and `</s>` included. */
  readonly ids: readonly number[];
  /** One for each id: log of how sure the network was. */
  readonly logProbs: readonly number[];
}

/** What a model made of one image: kept, reused, or sent elsewhere as it is. */
export interface Features {
  /** Visual tokens, row-major. */
  readonly data: Float32Array; // [tokens, width]
  readonly tokens: number;
  readonly width: number;
  /** Token ids that stand between the image tokens and the prompt; often none. */
  readonly hintIds: readonly number[];
  /** Side the image was brought to, in pixels. */
  readonly inputSize: number;
  /** What was made for single prompts; see `EncodeOptions.prompts`. */
  readonly sights?: readonly PromptSight[];
}

/** One prompt over one image. */
export interface Prompt {
  readonly features: Features;
  /** Ids of the prompt, `<s>` and `</s>` included. */
  readonly ids: readonly number[];
}

/**
 * One row of a step: the token it appends and what is asked of the next one.
 */
export interface StepRow {
  /** Index of the prompt this row answers. */
  readonly prompt: number;
  /**
   * The row of the *previous* step whose cache this row goes on from. Several
   * rows may name one parent (beams). `-1` in all rows of a step: the answers
   * begin (again).
   */
  readonly parent: number;
  /** The token to append. */
  readonly tokenId: number;
  /** How many best next tokens are wanted. */
  readonly best: number;
  /** Ids that may not be among the best. */
  readonly banned?: readonly number[];
  /** If given, only these may be among the best (less the banned ones). */
  readonly allowed?: readonly number[];
  /** Ids whose log-probability is wanted whatever is banned. */
  readonly scored?: readonly number[];
}

/** A token and its plain log-probability, before bans. */
export interface TokenChoice {
  readonly id: number;
  readonly logProb: number;
}

/** What comes after one row. */
export interface StepResult {
  /** Best first; ties go to the lower id; fewer than asked if bans leave fewer. */
  readonly best: readonly TokenChoice[];
  /** One for each of `scored`, in its order. */
  readonly scored: Float32Array;
  /** Log-sum-exp of the logits: logit = logProb + logSumExp. */
  readonly logSumExp: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prompts being answered. Rows of one step all hold the same number of tokens.
 * The caller disposes it.
 */
export interface DecodingState {
  /**
   * Appends one token per row and returns one result per row. A prompt may
   * have no row in a step.
   */
  step(
    rows: readonly StepRow[],
    options?: RunOptions,
  ): Promise<readonly StepResult[]>;

  /** Says that no row will answer these prompts any more. */
  finish(prompts: readonly number[]): void;

  /**
   * The encoder's output of one prompt, for tests and research.
   *
   * @returns `[tokens, d_model]` row-major, padding removed.
   */
  encoderOutput?(prompt: number): Promise<Float32Array>;

  /** Gives the memory back. May be called twice; `step` after it throws. */
  dispose(): Promise<void>;
}

/** What a model can and what it takes, known without running it. */
export interface ModelCapabilities {
  /** E.g. `onnxruntime-node`, `onnxruntime-web`. */
  readonly backend: string;
  /** E.g. `cpu`, `wasm`, `cuda`. */
  readonly device: string;
  /** Sides in pixels that `encode` takes; the first is the default. */
  readonly inputSizes: readonly number[];
  /** Bytes of weights held. */
  readonly weightBytes: number;
  /** Most rows one step takes. */
  readonly maxRows: number;
  /** Most prompts that `start` takes at once; any number if left out. */
  readonly maxPrompts?: number;
  /**
   * Images that one pass of `encode` had best see together; 1 if left out. It
   * takes any number.
   */
  readonly maxImages?: number;
}

export interface EncodeOptions extends RunOptions {
  /** One of `capabilities.inputSizes`; the first if left out. */
  readonly inputSize?: number | undefined;
  /**
   * For each image, the prompts that will be asked of it, as ids: a vision side
   * may look closer, or read, for some. Those it needs are told by `looksFor`.
   */
  readonly prompts?: readonly (readonly (readonly number[])[])[];
}

/**
 * A loaded model on some backend.
 *
 * @throws FlorenceError `engine_bad_output` if the runtime refuses or answers
 *   nonsense; `deadline_exceeded` if the signal was aborted.
 */
export interface Model {
  readonly manifest: Manifest;
  readonly capabilities: ModelCapabilities;

  /** One vision pass over a batch of images; one `Features` per image. */
  encode(
    images: readonly RgbImage[],
    options?: EncodeOptions,
  ): Promise<readonly Features[]>;

  /**
   * Whether `encode` must be told of this prompt before it is asked, and puts
   * a sight for it among the features. Left out: of none.
   */
  readonly looksFor?: (prompt: readonly number[]) => boolean;

  /** Encodes prompts as one batch; prompts may share features. */
  start(
    prompts: readonly Prompt[],
    options?: RunOptions,
  ): Promise<DecodingState>;

  /** Gives the memory back. May be called twice. */
  dispose(): Promise<void>;
}
