import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import type {
  EngineRequest,
  NearEngine,
} from "../../src/http/engine/engine.ts";
import { withInputSizes } from "../../src/http/engine/fit-deadline.ts";

const VISION_MS = { 768: 6000, 512: 2500, 384: 1500 };

/** An engine that says at which size it was asked to look. */
function lookingEngine(slower = 1) {
  const sizes: unknown[] = [];
  const engine = {
    analyze({ options, seen }: EngineRequest) {
      const size = options.input_size as 384;
      sizes.push(size);
      return Promise.resolve({
        envelope: {
          model: { input_size: size },
          usage: { vision_passes: seen === null ? 1 : 0 },
          timings_ms: { vision: slower * VISION_MS[size] },
        },
      });
    },
  } as unknown as NearEngine;
  return { sizes, engine: withInputSizes(engine, VISION_MS, () => 1000) };
}

function request(
  leftMs: number | null,
  input_size: EngineRequest["options"]["input_size"] = "auto",
): EngineRequest {
  return {
    options: { input_size },
    seen: null,
    ...(leftMs !== null && { deadlineAtMs: 1000 + leftMs }),
  } as unknown as EngineRequest;
}

test("sees at the largest size for which there is time", async () => {
  const { sizes, engine } = lookingEngine();
  for (const leftMs of [null, 20_000, 9000, 3000, 100]) {
    await engine.analyze(request(leftMs));
  }
  deepEqual(sizes, [768, 768, 512, 384, 384]);
});

test("keeps to the size that a request names", async () => {
  const { sizes, engine } = lookingEngine();
  await engine.analyze(request(100, 768));
  deepEqual(sizes, [768]);
});

test("leaves the size open where the picture was seen before", async () => {
  const { sizes, engine } = lookingEngine();
  await engine.analyze({ ...request(100), seen: {} as EngineRequest["seen"] });
  deepEqual(sizes, ["auto"]);
});

test("learns how fast it is", async () => {
  const { sizes, engine } = lookingEngine(4);
  for (let asked = 0; asked < 20; asked += 1) {
    await engine.analyze(request(20_000));
  }
  equal(sizes[0], 768);
  equal(sizes.at(-1), 512);
});
