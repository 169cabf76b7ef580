// Tokens of an analysis as OpenAI counts them.

import type { Envelope } from "../../shared/schema/analysis.ts";

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** The `usage` of a completion. */
export function chatUsage({ usage }: Envelope): ChatUsage {
  return {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.prompt_tokens + usage.output_tokens,
  };
}
