// Every operation of the node, what is asked and what its answer must hold.

import assert from "node:assert/strict";
import type { Bench, CaseGroup } from "./bench.ts";
import type { Flow } from "./flows.ts";

export type Item = Readonly<Record<string, unknown>>;

interface OperationCase {
  readonly resource: string;
  readonly operation: string;
  /** Tells two cases of one operation apart. */
  readonly variant?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Of `examples/photos`. */
  readonly photo: string;
  /** Of the answer of the box model; absent where it has no such task. */
  readonly box?: (items: readonly Item[]) => void;
  /** Of the answer of the scripted model. */
  readonly scripted: (items: readonly Item[]) => void;
}

const REGIONS = {
  regionsFrom: "json",
  regionsJson:
    '[{ "id": "r1", "box": { "x_min": 10, "y_min": 20, "x_max": 200, "y_max": 180 } }]',
};

const hasText =
  (wanted: string) =>
  ([item]: readonly Item[]): void => {
    assert.equal(item?.["text"], wanted);
  };

const hasLabels =
  (field: string, wanted: readonly string[]) =>
  (items: readonly Item[]): void => {
    const [item] = items;
    const list = item?.[field];
    assert.ok(Array.isArray(list), JSON.stringify(items).slice(0, 400));
    const found = list as Item[];
    assert.deepEqual(
      found.map((one) => one["label"] ?? one["phrase"] ?? one["text"] ?? ""),
      wanted,
    );
  };

const readsTheSign = ([item]: readonly Item[]): void => {
  assert.match(String(item?.["text"]), /Potsdamer/u);
};

const OPERATION_CASES: readonly OperationCase[] = [
  {
    resource: "image",
    operation: "caption",
    photo: "bear.jpg",
    box: hasText("A bear walking in the woods near several trees."),
    scripted: hasText("a blue van in a street"),
  },
  {
    resource: "image",
    operation: "caption",
    variant: "detailed",
    parameters: { detail: "detailed" },
    photo: "bear.jpg",
    box: ([item]) => {
      assert.match(String(item?.["text"]), /^A bear .+\.$/u);
    },
    scripted: hasText("A blue van stands in a street. A sign is near it."),
  },
  {
    resource: "image",
    operation: "caption",
    variant: "full",
    parameters: { detail: "full" },
    photo: "bear.jpg",
    box: ([item]) => {
      assert.match(String(item?.["text"]), /^A bear .+\.$/u);
    },
    scripted: hasText("A blue van stands in a street by a wall."),
  },
  {
    resource: "image",
    operation: "denseCaption",
    photo: "street.jpg",
    scripted: hasLabels("objects", ["blue van by a wall", "street sign"]),
  },
  {
    resource: "image",
    operation: "runMany",
    parameters: { tasks: { task: [{ task: "caption" }, { task: "detect" }] } },
    photo: "bear.jpg",
    box: ([item]) => {
      const results = item?.["results"] as Item[];
      assert.deepEqual(
        results.map((one) => one["task"]),
        ["caption", "detect"],
      );
      hasLabels("objects", ["bear"])(results.slice(1));
    },
    scripted: ([item]) => {
      hasText("a blue van in a street")(item?.["results"] as Item[]);
    },
  },
  {
    resource: "object",
    operation: "detect",
    photo: "bear.jpg",
    box: hasLabels("objects", ["bear"]),
    scripted: hasLabels("objects", ["van", "sign"]),
  },
  {
    resource: "object",
    operation: "detectOpen",
    parameters: { labels: "bear, dog" },
    photo: "bear.jpg",
    box: ([item]) => {
      const labels = item?.["labels"] as Item[];
      assert.deepEqual(
        labels.map((one) => [one["label"], one["found"]]),
        [
          ["bear", true],
          ["dog", false],
        ],
      );
    },
    scripted: ([item]) => {
      assert.equal((item?.["labels"] as Item[]).length, 2);
    },
  },
  {
    resource: "object",
    operation: "ground",
    parameters: { phrase: "A blue van by a wall" },
    photo: "street.jpg",
    // The detector knows no van.
    box: ([item]) => {
      assert.ok(Array.isArray(item?.["objects"]));
    },
    scripted: hasLabels("objects", ["A blue van"]),
  },
  {
    resource: "object",
    operation: "propose",
    photo: "street.jpg",
    box: ([item]) => {
      assert.ok((item?.["objects"] as Item[]).length > 0);
    },
    scripted: hasLabels("objects", ["", ""]),
  },
  {
    resource: "segment",
    operation: "byPhrase",
    parameters: { phrase: "the van" },
    photo: "street.jpg",
    box: ([item]) => {
      assert.ok(Array.isArray(item?.["segments"]));
    },
    scripted: hasLabels("segments", ["the van"]),
  },
  {
    resource: "segment",
    operation: "byRegion",
    parameters: REGIONS,
    photo: "street.jpg",
    box: ([item]) => {
      const [region] = item?.["regions"] as Item[];
      const [segment] = region?.["segments"] as Item[];
      const [polygon] = segment?.["polygons"] as unknown[][];
      assert.ok(polygon && polygon.length > 2);
    },
    scripted: ([item]) => {
      const [region] = item?.["regions"] as Item[];
      assert.equal((region?.["segments"] as Item[]).length, 1);
    },
  },
  {
    resource: "region",
    operation: "classify",
    parameters: REGIONS,
    photo: "street.jpg",
    box: hasLabels("regions", ["car"]),
    scripted: hasLabels("regions", ["van"]),
  },
  {
    resource: "region",
    operation: "classify",
    variant: "of categories",
    parameters: { ...REGIONS, categories: "van, bus" },
    photo: "street.jpg",
    box: hasLabels("regions", ["bus"]),
    scripted: hasLabels("regions", ["van"]),
  },
  {
    resource: "region",
    operation: "describe",
    parameters: REGIONS,
    photo: "street.jpg",
    box: ([item]) => {
      const [region] = item?.["regions"] as Item[];
      assert.match(String(region?.["text"]), /^an? \w+/u);
    },
    scripted: hasLabels("regions", ["small blue van"]),
  },
  {
    resource: "region",
    operation: "readText",
    parameters: REGIONS,
    photo: "street-sign.jpg",
    box: ([item]) => {
      const [region] = item?.["regions"] as Item[];
      assert.equal(region?.["id"], "r1");
      assert.equal(typeof region["text"], "string");
    },
    scripted: hasLabels("regions", ["BX 204"]),
  },
  {
    resource: "text",
    operation: "read",
    photo: "street-sign.jpg",
    box: readsTheSign,
    scripted: hasText("TOWN HALL\n9:00 AM"),
  },
  {
    resource: "text",
    operation: "readWithRegions",
    photo: "street-sign.jpg",
    box: (items) => {
      readsTheSign(items);
      const [line] = items[0]?.["lines"] as Item[];
      assert.equal((line?.["quad"] as unknown[]).length, 4);
    },
    scripted: hasLabels("lines", ["TOWN HALL", "9:00 AM"]),
  },
];

const SERVERS = ["box", "scripted"] as const;

const idOf = (index: number, server: string): string => `op${index}${server}`;

const FLOWS: readonly Flow[] = OPERATION_CASES.flatMap(
  ({ resource, operation, parameters }, index) =>
    SERVERS.map((server) => ({
      id: idOf(index, server),
      credential: server,
      parameters: { resource, operation, ...parameters },
    })),
);

/** Each operation asked of both models. */
export const OPERATIONS: CaseGroup = {
  flows: FLOWS,
  async check(bench) {
    for (const [index, one] of OPERATION_CASES.entries()) {
      const { resource, operation, variant = "" } = one;

      const name = `${resource}: ${operation} ${variant}`.trim();
      for (const server of SERVERS) {
        const id = idOf(index, server);
        const check = one[server];
        await bench.test(`${name} (${server})`, async () => {
          if (check === undefined) await checkUnsupported(bench, id, name, one);
          else check(await bench.ask(id, one.photo, { name }));
        });
      }
    }
  },
};

/** The model has no such task: the workflow stops, and says so. */
async function checkUnsupported(
  bench: Bench,
  id: string,
  name: string,
  { photo }: OperationCase,
): Promise<void> {
  await bench.activate(id);
  const started = performance.now();
  const { status, error } = await bench.run(id, photo);
  const ms = Math.round(performance.now() - started);
  bench.row(name, photo, "box", "unsupported_task", ms);
  assert.equal(status, "error");
  assert.match(error?.message ?? "", /^Task not supported: /u);
  assert.match(error?.description ?? "", /Choose another operation/u);
  assert.match(error?.description ?? "", /unsupported_task, request req_/u);
  assert.equal(error?.context?.itemIndex, 0);
}
