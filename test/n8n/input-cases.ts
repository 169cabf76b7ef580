// Where a picture and its regions can come from.

import assert from "node:assert/strict";
import { readPhoto, type Bench, type CaseGroup } from "./bench.ts";
import type { Flow } from "./flows.ts";
import type { Item } from "./operation-cases.ts";
import { upload } from "./service-calls.ts";

const DETECT = { resource: "object", operation: "detect" };
const DESCRIBE = { resource: "region", operation: "describe" };
const LINES = { resource: "text", operation: "readWithRegions" };

const FLOWS: readonly Flow[] = [
  { id: "form", credential: "box", parameters: DETECT },
  {
    id: "formnamed",
    credential: "box",
    binaryName: "image",
    parameters: DETECT,
  },
  {
    id: "url",
    credential: "box",
    parameters: {
      ...DETECT,
      imageSource: "url",
      imageUrl: "={{ $json.body.address }}",
    },
  },
  {
    id: "upload",
    credential: "box",
    parameters: {
      ...DETECT,
      imageSource: "upload",
      uploadId: "={{ $json.body.upload_id }}",
    },
  },
  {
    id: "feature",
    credential: "box",
    before: { resource: "image", operation: "caption" },
    parameters: { ...DETECT, imageSource: "feature", simplify: false },
  },
  {
    id: "earlier",
    credential: "scripted",
    before: DETECT,
    parameters: DESCRIBE,
  },
  {
    id: "eachobject",
    credential: "scripted",
    before: { ...DETECT, output: "object" },
    parameters: DESCRIBE,
  },
  {
    id: "quads",
    credential: "scripted",
    before: LINES,
    parameters: { resource: "region", operation: "readText" },
  },
  {
    id: "fields",
    credential: "scripted",
    before: { ...DETECT, output: "object" },
    parameters: {
      ...DESCRIBE,
      regionsFrom: "fields",
      regions: {
        region: [
          {
            id: "={{ $json.label }}",
            x_min: "={{ $json.box.x_min }}",
            y_min: "={{ $json.box.y_min }}",
            x_max: "={{ $json.box.x_max }}",
            y_max: "={{ $json.box.y_max }}",
          },
        ],
      },
    },
  },
  {
    id: "json",
    credential: "scripted",
    before: DETECT,
    parameters: {
      ...DESCRIBE,
      regionsFrom: "json",
      regionsJson: "={{ $json.objects.slice(0, 1) }}",
    },
  },
];

/** What is sent is no photo itself. */
const OF_BEAR = { photo: "bear.jpg" };

const isBear = ([item]: readonly Item[]): void => {
  assert.deepEqual(
    (item?.["objects"] as Item[]).map(({ label }) => label),
    ["bear"],
  );
};

/** How many regions each item that came out has. */
const regionsOf = (items: readonly Item[]): number[] =>
  items.map(({ regions }) => (regions as Item[]).length);

export const INPUTS: CaseGroup = {
  flows: FLOWS,
  async check(bench) {
    const { test, ask } = bench;
    await test("input: the only file of a form, whatever its name", async () => {
      isBear(await ask("form", formOf("image"), OF_BEAR));
      isBear(await ask("formnamed", formOf("image"), OF_BEAR));
    });
    await test("input: URL, which the service fetches", () => fromUrl(bench));
    await test("input: upload id", async () => {
      const id = await upload(bench.box, "bear.jpg");
      isBear(await ask("upload", { upload_id: id }, OF_BEAR));
    });
    await test("input: feature id of an earlier node, looked at once", async () => {
      const [item] = await ask("feature", "bear.jpg");
      isBear(item?.["results"] as Item[]);
      const { vision_passes: passes } = item?.["usage"] as Item;
      assert.equal(passes, 0);
    });
    await test("regions: all that an earlier detection found", async () => {
      assert.deepEqual(regionsOf(await ask("earlier", "street.jpg")), [2]);
    });
    await test("regions: the one of each item", async () => {
      assert.deepEqual(
        regionsOf(await ask("eachobject", "street.jpg")),
        [1, 1],
      );
    });
    await test("regions: around lines of text", async () => {
      const items = await ask("quads", "street-sign.jpg");
      assert.deepEqual(regionsOf(items), [2]);
    });
    await test("regions: fields by expression", async () => {
      const items = await ask("fields", "street.jpg");
      assert.deepEqual(
        items.map(({ regions }) => (regions as Item[])[0]?.["id"]),
        ["van", "sign"],
      );
    });
    await test("regions: JSON by expression", async () => {
      assert.deepEqual(regionsOf(await ask("json", "street.jpg")), [1]);
    });
  },
};

function formOf(field: string): FormData {
  const form = new FormData();
  const photo = new Uint8Array(readPhoto("bear.jpg"));
  form.append(field, new Blob([photo], { type: "image/jpeg" }), "bear.jpg");
  return form;
}

async function fromUrl({ ask, front }: Bench): Promise<void> {
  front.instead = ({ path }) =>
    path === "/bear.jpg"
      ? new Response(new Uint8Array(readPhoto("bear.jpg")), {
          headers: { "Content-Type": "image/jpeg" },
        })
      : null;
  try {
    isBear(await ask("url", { address: `${front.origin}/bear.jpg` }, OF_BEAR));
  } finally {
    front.instead = null;
  }
}
