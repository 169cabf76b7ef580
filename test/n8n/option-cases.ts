// What the panel's Options do to an answer.

import assert from "node:assert/strict";
import type { Bench, CaseGroup } from "./bench.ts";
import type { Flow } from "./flows.ts";
import type { Item } from "./operation-cases.ts";

const PHOTO = "bear.jpg";
const DETECT = { resource: "object", operation: "detect" };

const FLOWS: readonly Flow[] = [
  {
    id: "shares",
    credential: "box",
    parameters: { ...DETECT, options: { coordinates: "normalized" } },
  },
  {
    id: "choosy",
    credential: "box",
    parameters: {
      ...DETECT,
      output: "object",
      options: { minScore: 0.999 },
    },
  },
  {
    // Its model sees 64 pixels: every photo is large.
    id: "tiles",
    credential: "scripted",
    parameters: {
      ...DETECT,
      simplify: false,
      options: { tiling: true, maxTiles: 4, tileOverlap: 0.2, cache: "off" },
    },
  },
  {
    id: "engine",
    credential: "box",
    parameters: {
      ...DETECT,
      simplify: false,
      options: { engine: "container", onlyThisEngine: true, includeRaw: true },
    },
  },
  {
    id: "elsewhere",
    credential: "box",
    parameters: {
      ...DETECT,
      options: { engine: "gpu", onlyThisEngine: true, retries: 0 },
    },
  },
  {
    id: "hasty",
    credential: "front",
    parameters: { ...DETECT, options: { timeout: 1 } },
  },
];

export const OPTION_CASES: CaseGroup = {
  flows: FLOWS,
  async check(bench) {
    const { test, ask, run } = bench;
    await test("option: coordinates as shares of the picture", async () => {
      const [item] = await ask("shares", PHOTO);
      const [bear] = item?.["objects"] as Item[];
      const { x_max: right, y_max: bottom } = bear?.["box"] as Item;
      assert.ok(Number(right) > 0.5 && Number(right) <= 1);
      assert.ok(Number(bottom) > 0.5 && Number(bottom) <= 1);
    });
    await test("option: minimum score; no object, no item", async () => {
      const { status, items } = await run("choosy", PHOTO);
      assert.equal(status, "success");
      assert.deepEqual(items["Florence"], []);
    });
    await test("option: tiling looks at a large picture in parts", async () => {
      const [item] = await ask("tiles", "surfer.jpg");
      // The picture as a whole, and four parts.
      assert.equal((item?.["usage"] as Item)["vision_passes"], 5);
    });
    await test("option: engine, and the model's own answer", async () => {
      const [item] = await ask("engine", PHOTO);
      assert.match(JSON.stringify(item), /"engine":"container"/u);
      const [result] = item?.["results"] as Item[];
      assert.ok(result !== undefined && "raw" in result);
    });
    await test("option: no other engine than the one that is not there", async () => {
      const { error } = await run("elsewhere", PHOTO);
      assert.match(error?.message ?? "", /gpu/u);
      assert.match(error?.description ?? "", /HTTP 503, engine_unavailable/u);
    });
    await test("option: timeout, and what to do about it", () =>
      checkTimeout(bench));
  },
};

async function checkTimeout({ front, run }: Bench): Promise<void> {
  front.instead = () => "hold";
  try {
    const { error } = await run("hasty", PHOTO);
    assert.match(
      error?.message ?? "",
      /^No answer from the Florence service at .* within 6 s$/u,
    );
    assert.match(error?.description ?? "", /Raise Timeout in Options/u);
    assert.equal(error?.context?.itemIndex, 0);
  } finally {
    front.instead = null;
  }
}
