import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFilterOptions } from "../../../src/data-engine/filter/filter-options.ts";
import { measureQuality } from "../../../src/data-engine/refine/quality.ts";
import { reconcile } from "../../../src/data-engine/refine/reconcile.ts";
import {
  BUNDLE_TASKS,
  type BundleTask,
} from "../../../src/data-engine/specialists/specialist.ts";
import {
  BUNDLE,
  DETECTOR,
  HUMAN,
  caption,
  object,
  tag,
} from "../make-records.ts";

const OPTIONS = parseFilterOptions({});
const ALL: ReadonlySet<BundleTask> = new Set(BUNDLE_TASKS);

test("keeps what model and specialist agree on, with both as voices", () => {
  const known = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  const said = { ...object(BUNDLE, "dog", [4, 0, 100, 100]), stability: 0.3 };
  const { annotations, counts } = reconcile([known], [said], ALL, OPTIONS);
  assert.equal(counts.agreed, 1);
  assert.deepEqual(annotations, [
    { ...known, agreed_by: ["box"], stability: 0.3 },
  ]);
});

test("adds what the model alone says if it is stable", () => {
  const stable = { ...object(BUNDLE, "dog", [0, 0, 100, 100]), stability: 1 };
  const shaky = { ...object(BUNDLE, "cat", [0, 0, 100, 100]), stability: 0.4 };
  const { annotations, removed, counts } = reconcile(
    [],
    [stable, shaky],
    ALL,
    OPTIONS,
  );
  assert.deepEqual(annotations, [stable]);
  assert.deepEqual([counts.added, counts.unstable], [1, 1]);
  assert.match(removed[0]!.detail, /stability 0\.40; at least 0\.75/u);
});

test("takes out what only an unsure specialist says", () => {
  const unsure = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  const sure = object(DETECTOR, "cat", [0, 0, 100, 100], 0.9);
  const drawn = object(HUMAN, "cow", [0, 0, 100, 100], null);
  const { annotations, removed, counts } = reconcile(
    [unsure, sure, drawn],
    [],
    ALL,
    OPTIONS,
  );
  assert.deepEqual(annotations, [sure, drawn]);
  assert.equal(removed[0]!.reason, "model_disagrees");
  assert.deepEqual([counts.trusted, counts.dropped], [2, 1]);
});

test("keeps people's captions and tags whatever the model says", () => {
  const known = [caption(HUMAN, "a dog"), tag(DETECTOR, "dog", 0.9)];
  assert.deepEqual(reconcile(known, [], ALL, OPTIONS).annotations, known);
});

test("holds no silence against what the model was not asked", () => {
  const unsure = object(DETECTOR, "dog", [0, 0, 100, 100], 0.4);
  const earlier = caption(BUNDLE, "a dog on a bed");
  const captions = reconcile([unsure, earlier], [], new Set(["detect"]), OPTIONS); // prettier-ignore
  assert.deepEqual(captions.annotations, [earlier]);
  const boxes = reconcile([unsure, earlier], [], new Set(["caption"]), OPTIONS);
  assert.deepEqual(boxes.annotations, [unsure]);
  assert.deepEqual([boxes.counts.trusted, boxes.counts.dropped], [1, 1]);
});

test("forgets what an earlier model said once this one does not", () => {
  const earlier = { ...object(BUNDLE, "dog", [0, 0, 100, 100]), stability: 1 };
  const { annotations, counts } = reconcile([earlier], [], ALL, OPTIONS);
  assert.deepEqual(annotations, []);
  assert.equal(counts.dropped, 1);
});

test("gives annotations of several rounds ids of their own", () => {
  const one = {
    ...object(BUNDLE, "dog", [0, 0, 50, 50]),
    id: "box#0",
    stability: 1,
  };
  const two = {
    ...object(BUNDLE, "cat", [60, 0, 99, 50]),
    id: "box#0",
    stability: 1,
  };
  const { annotations } = reconcile([], [one, two], ALL, OPTIONS);
  assert.deepEqual(
    annotations.map(({ id }) => id),
    ["box#0", "box#0.2"],
  );
});

test("measures precision and recall one to one, by names people used", () => {
  const quality = measureQuality([
    {
      human: [
        object(HUMAN, "dog", [0, 0, 50, 50], null),
        object(HUMAN, "dog", [60, 0, 100, 50], null),
      ],
      model: [
        object(BUNDLE, "a dog", [0, 0, 50, 50], 0.9),
        // A second time, and a thing nobody was asked to draw.
        object(BUNDLE, "dog", [1, 0, 50, 50], 0.8),
        object(BUNDLE, "lamp", [0, 0, 10, 10], 0.9),
      ],
    },
    { human: [], model: [object(BUNDLE, "dog", [0, 0, 9, 9])] },
  ]);
  assert.deepEqual(quality, {
    photos: 1,
    drawn: 2,
    found: 2,
    precision: 0.5,
    recall: 0.5,
  });
});

test("says that nothing could be measured rather than a zero", () => {
  const { precision, recall } = measureQuality([{ human: [], model: [] }]);
  assert.deepEqual([precision, recall], [null, null]);
});
