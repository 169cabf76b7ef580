// How a checkpoint wants its answers searched. transformers 5 decodes greedily
// where generation_config.json is missing; Florence-2 was published with beams,
// so its own defaults are written out here, all of them.

import * as v from "valibot";
import { FlorenceError } from "../errors.ts";
import type { GenerationSpec } from "./manifest.ts";
import type { CheckpointConfigs } from "./checkpoint-configs.ts";

/** Words the tokenizer has; native checkpoints pad the matrix to 51,328 rows. */
export const FLORENCE_VOCABULARY = 51289;

const Id = v.pipe(v.number(), v.integer(), v.minValue(0));
const OptionalId = v.optional(v.nullable(Id));

const GenerationConfig = v.object({
  decoder_start_token_id: OptionalId,
  bos_token_id: OptionalId,
  pad_token_id: OptionalId,
  eos_token_id: OptionalId,
  forced_bos_token_id: OptionalId,
  forced_eos_token_id: OptionalId,
  num_beams: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  no_repeat_ngram_size: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0)),
  ),
  early_stopping: v.optional(
    v.nullable(v.union([v.boolean(), v.literal("never")])),
  ),
  length_penalty: v.optional(v.number()),
  suppress_tokens: v.optional(v.nullable(v.array(Id))),
});

/**
 * Reads `generation_config.json`; what it leaves out is Florence-2's default:
 * 3 beams, no repeated 3-gram, first `<s>`, last `</s>`, early stopping.
 *
 * Special ids come from `text_config` first: some fine-tunes carry wrong ones
 * at the top level.
 *
 * @param vocabulary rows of the head; ids past the tokenizer's are suppressed.
 * @throws FlorenceError `bundle_invalid`.
 */
export function readGeneration(
  checkpoint: CheckpointConfigs,
  vocabulary: number,
): GenerationSpec {
  const parsed = v.safeParse(
    GenerationConfig,
    checkpoint.generationConfig ?? {},
  );
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new FlorenceError(
      "bundle_invalid",
      `generation_config.json: ${issue.message} at ${v.getDotPath(issue) ?? "the top level"}. Correct it or delete the file; Florence-2's own settings are then used.`,
    );
  }
  const given = parsed.output;
  const text = checkpoint.config["text_config"] as
    Record<string, unknown> | undefined;
  const id = (
    name:
      | "decoder_start_token_id"
      | "bos_token_id"
      | "pad_token_id"
      | "eos_token_id",
    usual: number,
  ): number => {
    const stated = text?.[name];
    return typeof stated === "number" ? stated : (given[name] ?? usual);
  };
  const padded = Array.from(
    { length: Math.max(0, vocabulary - FLORENCE_VOCABULARY) },
    (_, index) => FLORENCE_VOCABULARY + index,
  );
  const suppressed = new Set([...(given.suppress_tokens ?? []), ...padded]);
  return {
    decoder_start_token_id: id("decoder_start_token_id", 2),
    bos_token_id: id("bos_token_id", 0),
    pad_token_id: id("pad_token_id", 1),
    eos_token_id: id("eos_token_id", 2),
    forced_bos_token_id:
      given.forced_bos_token_id === undefined ? 0 : given.forced_bos_token_id,
    forced_eos_token_id:
      given.forced_eos_token_id === undefined ? 2 : given.forced_eos_token_id,
    num_beams: given.num_beams ?? 3,
    no_repeat_ngram_size: given.no_repeat_ngram_size ?? 3,
    early_stopping:
      given.early_stopping == null ? true : given.early_stopping === true,
    length_penalty: given.length_penalty ?? 1,
    suppress_tokens: [...suppressed].sort((a, b) => a - b),
  };
}
