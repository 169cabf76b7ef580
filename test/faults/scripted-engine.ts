// An engine for volume: has the models of the box by name only, looks at no pixel,
// and answers the same after a short while. Runs on every host.

import manifest from "../../models/box/bundle/manifest.json" with { type: "json" };
import type { NearEngine } from "../../src/http/engine/engine.ts";
import { throwIfAborted } from "../../src/shared/errors.ts";
import { parseManifest } from "../../src/shared/model/manifest.ts";
import type { Envelope } from "../../src/shared/schema/analysis.ts";

/** @param delayMs how long an answer takes. */
export function createScriptedEngine(
  platform: {
    readonly now: () => number;
    readonly id: (prefix: string) => string;
  },
  delayMs: number,
): NearEngine {
  return {
    name: "edge",
    models: [parseManifest(manifest)],
    status: () => ({ backend: "script", device: "none", status: "ready" }),
    warm: () => Promise.resolve(),
    async analyze({ bytes, tasks, metadata, signal }) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      throwIfAborted(signal);
      const envelope: Envelope = {
        id: platform.id("an"),
        object: "analysis",
        created: new Date(platform.now()).toISOString(),
        status: "completed",
        image: {
          width: 64,
          height: 64,
          media_type: "image/jpeg",
          sha256: String(bytes?.length ?? 0),
          orientation_applied: false,
        },
        results: tasks.map(({ id = "t0" }) => ({
          id,
          task: "caption",
          status: "ok",
          finish_reason: "stop",
          score_kind: "sequence_logprob",
          detail: "short",
          text: "a green boat",
          score: 0.5,
        })),
        model: { id: "scripted", revision: "none", quantization: "fp32" },
        engine: { used: "edge", attempts: [{ engine: "edge", outcome: "ok" }] },
        usage: {
          vision_passes: 1,
          tiles: 1,
          prompt_tokens: 1,
          output_tokens: 1,
        },
        timings_ms: { decode: 0, vision: 0, text: delayMs, total: delayMs },
        warnings: [],
        metadata: { ...metadata },
      };
      return { envelope, seen: null };
    },
  };
}
