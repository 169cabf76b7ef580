import assert from "node:assert/strict";
import { test } from "node:test";
import {
  agreeOnObjects,
  evidenceOf,
} from "../../../src/data-engine/filter/agreement.ts";
import { parseFilterOptions } from "../../../src/data-engine/filter/filter-options.ts";
import { nameSalient } from "../../../src/data-engine/filter/name-salient.ts";
import type { RegionText } from "../../../src/data-engine/records/record.ts";
import {
  BUNDLE,
  DETECTOR,
  HUMAN,
  MATTE,
  caption,
  object,
  tag,
} from "../make-records.ts";

const OPTIONS = parseFilterOptions({});
const NO_EVIDENCE = new Map<string, Set<string>>();

test("keeps an object once, with who agreed", () => {
  const seen = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  const said = object(BUNDLE, "a dog", [4, 0, 100, 100], 0.99);
  const { kept, removed } = agreeOnObjects([said, seen], NO_EVIDENCE, OPTIONS);
  assert.deepEqual(kept, [{ ...seen, agreed_by: ["box"] }]);
  assert.equal(removed[0]!.annotation, said);
  assert.equal(removed[0]!.reason, "overlaps_better");
});

test("takes out what one voice alone says without being sure", () => {
  const unsure = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  const sure = object(DETECTOR, "cat", [0, 0, 100, 100], 0.8);
  const { kept, removed } = agreeOnObjects(
    [unsure, sure],
    NO_EVIDENCE,
    OPTIONS,
  );
  assert.deepEqual(kept, [sure]);
  assert.equal(removed[0]!.reason, "no_agreement");
});

test("believes no bundle's score, but its stability", () => {
  const loud = object(BUNDLE, "dog", [0, 0, 100, 100], 0.99);
  assert.equal(agreeOnObjects([loud], NO_EVIDENCE, OPTIONS).kept.length, 0);
  const stable = { ...loud, stability: 0.75 };
  assert.equal(agreeOnObjects([stable], NO_EVIDENCE, OPTIONS).kept.length, 1);
});

test("counts sources that copy each other as one voice", () => {
  const seen = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  const copied = object(BUNDLE, "dog", [0, 0, 100, 100], 0.99);
  const options = parseFilterOptions({ sameVoice: [["detector", "box"]] });
  const { kept } = agreeOnObjects([seen, copied], NO_EVIDENCE, options);
  assert.deepEqual(kept, []);
});

test("takes tags and people's captions as voices", () => {
  const seen = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  for (const witness of [
    tag(MATTE, "dog", 0.9),
    caption(HUMAN, "two dogs on a bed"),
  ]) {
    const evidence = evidenceOf([witness], OPTIONS);
    const { kept } = agreeOnObjects([seen], evidence, OPTIONS);
    assert.deepEqual(kept[0]?.agreed_by, [witness.source.id]);
  }
  const doubtful = evidenceOf([tag(MATTE, "dog", 0.2)], OPTIONS);
  assert.equal(agreeOnObjects([seen], doubtful, OPTIONS).kept.length, 0);
});

test("never takes out what people drew, and prefers it", () => {
  const drawn = object(HUMAN, "dog", [0, 0, 100, 100], null);
  const seen = object(DETECTOR, "dog", [2, 2, 100, 100], 0.95);
  const { kept } = agreeOnObjects([seen, drawn], NO_EVIDENCE, OPTIONS);
  assert.deepEqual(kept, [{ ...drawn, agreed_by: ["detector"] }]);
});

function salient(): RegionText {
  const region = object(
    MATTE,
    "salient object",
    [0, 0, 98, 98],
    0.9,
    "salient",
  );
  const ring: [number, number][] = [
    [0, 0],
    [98, 0],
    [98, 98],
  ];
  return { ...region, region: { ...region.region, polygons: [ring] } };
}

test("gives an outline to the object it is the outline of", () => {
  const dog = object(DETECTOR, "dog", [0, 0, 100, 100]);
  const { kept, removed } = nameSalient([salient()], [dog], [], OPTIONS);
  assert.equal(kept.length, 1);
  assert.equal(kept[0]!.region.polygons?.length, 1);
  assert.deepEqual(kept[0]!.region.box, dog.region.box);
  assert.deepEqual(kept[0]!.agreed_by, ["matte"]);
  assert.equal(removed[0]!.detail, dog.id);
});

test("names what stands out by a tag where there are no objects", () => {
  const tags = [tag(BUNDLE, "vase", 0.6), tag(HUMAN, "euphonium", null)];
  const { kept } = nameSalient([salient()], [], tags, OPTIONS);
  assert.equal(kept[0]!.text, "euphonium");
  assert.equal(kept[0]!.about, "object");
  const nameless = nameSalient([salient()], [], [], OPTIONS);
  assert.equal(nameless.removed[0]!.reason, "no_name");
});
