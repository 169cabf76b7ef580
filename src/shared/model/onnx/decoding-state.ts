// Prompts being answered by ONNX graphs: one group for each number of visual
// tokens, each decoded as one batch.

import type {
  DecodingState,
  Prompt,
  RunOptions,
  StepResult,
} from "../model.ts";
import {
  encodePromptGroup,
  type PromptGroup,
  type TextGraphs,
} from "./prompt-group.ts";

/**
 * Encodes prompts and makes them ready to be answered.
 *
 * @throws FlorenceError `invalid_request` if a prompt is too long for the
 *   model; `deadline_exceeded` if the signal was aborted.
 */
export async function startDecoding(
  graphs: TextGraphs,
  prompts: readonly Prompt[],
  options: RunOptions,
): Promise<DecodingState> {
  const numbersByTokens = Map.groupBy(
    prompts.keys(),
    (number) => prompts[number]!.features.tokens,
  );
  const groups: PromptGroup[] = [];
  const groupOf = new Map<number, PromptGroup>();
  try {
    for (const numbers of numbersByTokens.values()) {
      const own = numbers.map((number) => prompts[number]!);
      const group = await encodePromptGroup(graphs, own, numbers, options);
      groups.push(group);
      for (const number of numbers) groupOf.set(number, group);
    }
  } catch (error) {
    for (const group of groups) group.dispose();
    throw error;
  }

  const find = (prompt: number): PromptGroup => {
    const group = groupOf.get(prompt);
    if (group === undefined) throw new Error(`internal: no prompt ${prompt}`);
    return group;
  };
  return {
    async step(rows, stepOptions = {}) {
      const results = new Array<StepResult>(rows.length);
      const numbersByGroup = Map.groupBy(rows.keys(), (number) =>
        find(rows[number]!.prompt),
      );
      for (const [group, numbers] of numbersByGroup) {
        const own = numbers.map((number) => rows[number]!);
        const answers = await group.step(own, numbers, stepOptions);
        for (const [at, number] of numbers.entries()) {
          results[number] = answers[at]!;
        }
      }
      return results;
    },
    finish(finished) {
      for (const prompt of finished) find(prompt).finish(prompt);
    },
    encoderOutput: (prompt) => find(prompt).encoderOutput(prompt),
    dispose() {
      for (const group of groups) group.dispose();
      return Promise.resolve();
    },
  };
}
