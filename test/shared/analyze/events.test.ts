// What is told of an analysis is what its envelope says: all of it, once, in
// order, and as early as it is certain.

import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "../../../src/shared/analyze/analyze.ts";
import type {
  FoundObject,
  TextDelta,
} from "../../../src/shared/analyze/events.ts";
import type {
  Envelope,
  EnvelopeResult,
} from "../../../src/shared/schema/analysis.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import { TASKS } from "../../../src/shared/tasks/index.ts";
import { createFakeModel, type Script } from "../../fakes/fake-model.ts";
import { randomIds, seededRandom } from "../parse/random-answers.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { FAKE_PLATFORM, inputOf } from "./inputs.ts";

interface Told {
  readonly objects: FoundObject[];
  readonly deltas: TextDelta[];
  readonly results: EnvelopeResult[];
  readonly warnings: string[];
  readonly order: string[];
  readonly envelope: Envelope;
}

async function run(
  script: Script,
  request: object,
  more: Parameters<typeof inputOf>[1] = {},
  suppressed: readonly number[] = [],
): Promise<Told> {
  const fake = createFakeModel(tokenizer, script);
  const generation = {
    ...fake.manifest.generation,
    suppress_tokens: [...suppressed],
  };
  const loaded = { ...fake, manifest: { ...fake.manifest, generation } };
  const told = {
    objects: new Array<FoundObject>(),
    deltas: new Array<TextDelta>(),
    results: new Array<EnvelopeResult>(),
    warnings: new Array<string>(),
    order: new Array<string>(),
  };
  const input = inputOf(parseAnalyzeRequest(request), more);
  const envelope = await analyze(loaded, input, FAKE_PLATFORM, {
    object: (found) => {
      told.order.push(`object ${found.result_id}`);
      told.objects.push(structuredClone(found));
    },
    token: (delta) => {
      told.order.push(`token ${delta.result_id}`);
      told.deltas.push(delta);
    },
    result: (result) => {
      told.order.push(`result ${result.id}`);
      told.results.push(structuredClone(result));
    },
    warning: (message) => told.warnings.push(message),
  });
  return { ...told, envelope };
}

/** All items of an envelope, as they should have been told. */
function itemsOf({ results }: Envelope): FoundObject[] {
  return results.flatMap((result): FoundObject[] => {
    const result_id = result.id;
    const told = (kind: FoundObject["kind"], items: readonly object[]) =>
      items.map((item) => ({ result_id, kind, item }) as FoundObject);
    if ("objects" in result) return told("object", result.objects);
    if ("lines" in result) return told("line", result.lines);
    if ("segments" in result) return told("segment", result.segments);
    if (!("regions" in result)) return [];
    return result.regions.flatMap((region) =>
      "segments" in region
        ? told("segment", region.segments).map((one) => ({
            ...one,
            region_id: region.id,
          }))
        : [],
    );
  });
}

/** All written texts of an envelope, by result and region. */
function textsOf({ results }: Envelope): Map<string, string> {
  const texts = new Map<string, string>();
  for (const result of results) {
    if ("lines" in result) continue;
    if ("text" in result) texts.set(result.id, result.text);
    if (!("regions" in result)) continue;
    for (const region of result.regions) {
      // Of closed labels one is chosen: nothing is written.
      if ("scores" in region) continue;
      const text =
        "text" in region ? region.text : "label" in region ? region.label : "";
      texts.set(`${result.id} ${region.id}`, text);
    }
  }
  for (const [key, text] of texts) if (text === "") texts.delete(key);
  return texts;
}

function assertSame(told: Told): void {
  const byPlace = (all: readonly FoundObject[]): object =>
    Object.groupBy(all, (one) => `${one.result_id} ${one.region_id ?? ""}`);
  assert.deepEqual(byPlace(told.objects), byPlace(itemsOf(told.envelope)));
  const texts = new Map<string, string>();
  for (const { result_id, region_id, delta } of told.deltas) {
    const key = [result_id, region_id].filter(Boolean).join(" ");
    assert.notEqual(delta, "");
    texts.set(key, (texts.get(key) ?? "") + delta);
  }
  assert.deepEqual(texts, textsOf(told.envelope));
  assert.deepEqual(
    told.results.toSorted((a, b) => a.id.localeCompare(b.id)),
    told.envelope.results.toSorted((a, b) => a.id.localeCompare(b.id)),
  );
  assert.deepEqual(told.warnings, told.envelope.warnings);
}

for (const task of TASKS) {
  test(`${task.spelling} tells what its result says, whatever is written`, async () => {
    const random = seededRandom(11);
    for (let round = 0; round < 60; round += 1) {
      const script: Script = () =>
        randomIds(random, tokenizer).filter(
          (id) => id >= 0 && id < tokenizer.size && Number.isInteger(id),
        );
      const regions = [0, 10, 20].map((at) => ({
        box: { x_min: at, y_min: 5, x_max: at + 20, y_max: 40 },
      }));
      const example = structuredClone(task.example);
      const free = Object.fromEntries(
        Object.entries(example).filter(([field]) => field !== "labels"),
      );
      const tasks = [
        {
          ...(round % 3 === 0 ? example : free),
          ...(task.inputs[0] === "labels" && { labels: ["a", "b"] }),
          ...(task.inputs.includes("regions") && { regions }),
        },
      ];
      const options = {
        min_score: random() < 0.3 ? 0.9 : 0,
        max_tokens: random() < 0.5 ? 8 + Math.floor(20 * random()) : 200,
        beams: round % 10 === 9 ? 2 : 1,
        coordinates:
          "regions" in tasks[0]! || random() < 0.5 ? "pixel" : "normalized",
        render: { crops: round % 5 === 0 ? "png" : "none" },
      };
      assertSame(await run(script, { tasks, options }));
    }
  });
}

test("tells an object before the model goes on to the next", async () => {
  const script: Script = () =>
    "car<loc_1><loc_2><loc_3><loc_4>bus<loc_5><loc_6><loc_7><loc_8>";
  const tasks = [{ task: "detect" }, { task: "caption" }];
  const seen: number[] = [];
  const loaded = createFakeModel(tokenizer, script);
  let steps = 0;
  const model = {
    ...loaded.model,
    start: async (...args: Parameters<typeof loaded.model.start>) => {
      const state = await loaded.model.start(...args);
      const step: typeof state.step = async (rows) => {
        steps += 1;
        return await state.step(rows);
      };
      return { ...state, step };
    },
  };
  const input = inputOf(parseAnalyzeRequest({ tasks }));
  await analyze({ ...loaded, model }, input, FAKE_PLATFORM, {
    object: () => seen.push(steps),
  });
  // <s>, three letters, four places; then as many again.
  assert.deepEqual(seen, [8, 15]);
});

test("never tells half a character", async () => {
  const text = "  naïve 東京 🚀 end  ";
  const { deltas, envelope } = await run(() => text, {
    tasks: [{ task: "caption" }],
  });
  assert.ok(deltas.length > 10);
  for (const { delta } of deltas) {
    assert.ok(delta.isWellFormed() && !delta.includes("\uFFFD"), delta);
  }
  assert.equal(deltas.map(({ delta }) => delta).join(""), text.trim());
  const [result] = envelope.results;
  assert.ok(result?.task === "caption" && "text" in result);
  assert.equal(result.text, text.trim());
});

test("tells each result as its task ends, not at the end", async () => {
  const script: Script = (prompt) =>
    prompt.startsWith("What") ? "short" : "car<loc_1><loc_2><loc_3><loc_4>".repeat(3); // prettier-ignore
  const { order } = await run(script, {
    tasks: [{ task: "detect" }, { task: "caption" }],
  });
  assert.ok(order.indexOf("result t1") < order.lastIndexOf("object t0"));
  assert.ok(order.lastIndexOf("object t0") < order.indexOf("result t0"));
});

test("tells a named object as it closes where the model writes no outlines", async () => {
  const script: Script = (prompt) =>
    prompt.startsWith("Locate ")
      ? "car<loc_1><loc_2><loc_300><loc_400>bus<loc_5><loc_6><loc_700><loc_800>"
      : "a much longer answer";
  const request = {
    tasks: [
      { task: "detect_open", labels: ["car", "bus"] },
      { task: "caption" },
    ],
  };
  const { polyOpen } = tokenizer.special;
  const told = await run(script, request, {}, [polyOpen]);
  assertSame(told);
  const { order } = told;
  const [first, last] = [order.indexOf("object t0"), order.lastIndexOf("object t0")]; // prettier-ignore
  assert.ok(order.slice(first, last).includes("token t1"), order.join());
  // One `<poly>` at its end would make outlines of both.
  const unsure = await run(script, request);
  assertSame(unsure);
  const at = unsure.order.indexOf("object t0");
  assert.equal(unsure.order[at + 1], "object t0");
});

test("tells only what JSON can say, the features aside", async () => {
  const script: Script = () => "car<loc_1><loc_2><loc_300><loc_400>";
  const told = await run(script, {
    tasks: [{ task: "detect" }],
    options: { render: { crops: "png" } },
  });
  for (const event of [...told.objects, ...told.results]) {
    assert.deepEqual(JSON.parse(JSON.stringify(event)), event);
  }
  assert.ok("crop" in told.objects[0]!.item);
});

test("tells an outline that is cut before the next as what it becomes", async () => {
  const locations = "<loc_1><loc_2><loc_300><loc_4><loc_300><loc_400>";
  for (const after of ["<poly>", "", "<sep>"]) {
    const script: Script = () => `${locations}${after}${locations}`;
    // <s>, six locations, what comes after them, </s>.
    const options = { max_tokens: after === "" ? 8 : 9 };
    const tasks = [{ task: "segment", phrase: "the car" }];
    const told = await run(script, { tasks, options });
    assertSame(told);
    assert.equal(told.objects.length, 1);
    assert.equal(told.objects[0]!.item["closed"], false);
  }
});
