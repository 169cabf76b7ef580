// The configuration files of a Hugging Face directory, parsed as JSON only.

/** What stands beside the weights; null where a file is missing. */
export interface CheckpointConfigs {
  readonly config: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>> | null;
  readonly preprocessorConfig: Readonly<Record<string, unknown>> | null;
}
