// What every engine must hold, wherever it is. Run on an engine that answers
// `caption` with any text and `detect` with at least one object.

import type { Engine, EngineRequest } from "../../src/http/engine/engine.ts";
import type { AnalyzeEvents } from "../../src/shared/analyze/analyze.ts";
import { parseAnalyzeRequest } from "../../src/shared/schema/analysis.ts";
import { check, checkEqual, checkRefused } from "./check.ts";

export interface EngineCase {
  readonly name: string;
  /** @param photo a JPEG file. */
  run(engine: Engine, photo: Uint8Array): Promise<void>;
}

/** A request for some tasks. */
export function engineRequest(
  bytes: Uint8Array | null,
  request: unknown,
  rest: Partial<EngineRequest> = {},
): EngineRequest {
  return {
    ...parseAnalyzeRequest(request),
    bytes,
    seen: null,
    signal: new AbortController().signal,
    ...rest,
  };
}

const BOTH = { tasks: [{ task: "caption" }, { task: "detect" }] };

/** A region that no photo has. */
const OUTSIDE = {
  task: "describe_regions",
  regions: [{ box: { x_min: 0, y_min: 0, x_max: 1e6, y_max: 10 } }],
};

export const ENGINE_CONTRACT: readonly EngineCase[] = [
  {
    name: "says which models it has once it was asked, and its state",
    async run(engine) {
      await engine.refresh?.();
      const [model] = engine.models;
      check(model !== undefined, "it has a model");
      check(model.tasks.includes("caption"), "its model captions");
      check(model.revision !== "", "its model has a revision");
      const { status } = engine.status();
      check(status === "ready" || status === "cold", `it is ${status}`);
    },
  },
  {
    name: "becomes ready, again and again",
    async run(engine) {
      await engine.warm();
      await engine.warm();
      checkEqual(engine.status().status, "ready");
    },
  },
  {
    name: "answers all tasks over one vision pass",
    async run(engine, photo) {
      const { envelope } = await engine.analyze(engineRequest(photo, BOTH));
      checkEqual(envelope.status, "completed");
      checkEqual(
        envelope.results.map(({ id, task }) => [id, task]),
        [
          ["t0", "caption"],
          ["t1", "detect"],
        ],
      );
      checkEqual(envelope.usage.vision_passes, 1);
      checkEqual(envelope.engine.used, engine.name);
      checkEqual(envelope.engine.attempts.at(-1)?.outcome, "ok");
      checkEqual(envelope.image.feature_id, undefined);
    },
  },
  {
    name: "answers the same for the same",
    async run(engine, photo) {
      const ask = async (): Promise<unknown> =>
        (await engine.analyze(engineRequest(photo, BOTH))).envelope.results;
      checkEqual(await ask(), await ask());
    },
  },
  {
    name: "gives metadata and options their due",
    async run(engine, photo) {
      const { envelope } = await engine.analyze(
        engineRequest(photo, {
          tasks: [{ task: "detect", id: "d" }],
          options: { coordinates: "normalized", include_raw: true },
          metadata: { order: "A-17", list: [1, "zwei", { drei: true }] },
        }),
      );
      checkEqual(envelope.metadata, {
        order: "A-17",
        list: [1, "zwei", { drei: true }],
      });
      const [detect] = envelope.results;
      check(detect !== undefined && "objects" in detect, "it detects");
      check("raw" in detect, "raw is there");
      const all = JSON.stringify(detect.objects);
      check(/"x_min":0\.\d/u.test(all), `shares of the side: ${all}`);
    },
  },
  {
    name: "makes a task that failed a problem among results",
    async run(engine, photo) {
      const { envelope } = await engine.analyze(
        engineRequest(photo, { tasks: [{ task: "caption" }, OUTSIDE] }),
      );
      checkEqual(envelope.status, "partial");
      const failed = envelope.results[1]!;
      check("problem" in failed, "the second one failed");
      checkEqual(failed.problem.code, "region_out_of_bounds");
    },
  },
  {
    name: "refuses a request of which it can answer nothing",
    async run(engine, photo) {
      await checkRefused(
        engine.analyze(engineRequest(photo, { tasks: [OUTSIDE] })),
        "region_out_of_bounds",
      );
    },
  },
  {
    name: "refuses what is no image",
    async run(engine) {
      const noise = new TextEncoder().encode("certainly no image".repeat(9));
      await checkRefused(
        engine.analyze(engineRequest(noise, BOTH)),
        "unsupported_media_type",
      );
    },
  },
  {
    name: "refuses a model that it does not have",
    async run(engine, photo) {
      const options = { model: "florence-9" };
      await checkRefused(
        engine.analyze(engineRequest(photo, { ...BOTH, options })),
        "invalid_request",
      );
    },
  },
  {
    name: "does not begin what was aborted before",
    async run(engine, photo) {
      const signal = AbortSignal.abort();
      await checkRefused(
        engine.analyze(engineRequest(photo, BOTH, { signal })),
        "deadline_exceeded",
      );
    },
  },
  {
    name: "tells each result once, as the envelope has it",
    async run(engine, photo) {
      const told: unknown[] = [];
      let text = "";
      const events: AnalyzeEvents = {
        result: (result) => told.push(result),
        token: ({ result_id: id, delta }) => {
          if (id === "t0") text += delta;
        },
      };
      const { envelope } = await engine.analyze(
        engineRequest(photo, BOTH),
        events,
      );
      const byId = (one: unknown): string =>
        (one as { readonly id: string }).id;
      checkEqual(
        told.toSorted((a, b) => byId(a).localeCompare(byId(b))),
        envelope.results,
      );
      const [caption] = envelope.results;
      check(caption !== undefined && "text" in caption, "it captions");
      checkEqual(text, caption.text);
    },
  },
  {
    name: "answers from what was seen, where it gives that away",
    async run(engine, photo) {
      const first = await engine.analyze(engineRequest(photo, BOTH));
      // An engine elsewhere keeps its features.
      if (first.seen === null) {
        await checkRefused(
          engine.analyze(engineRequest(null, BOTH)),
          "engine_unavailable",
        );
        return;
      }
      const again = await engine.analyze(
        engineRequest(null, BOTH, { seen: first.seen }),
      );
      checkEqual(again.envelope.usage.vision_passes, 0);
      checkEqual(again.envelope.results, first.envelope.results);
    },
  },
];
