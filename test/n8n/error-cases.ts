// Bad input and broken worlds: what the panel says, and of which item.

import assert from "node:assert/strict";
import type { Bench, CaseGroup } from "./bench.ts";
import type { Flow } from "./flows.ts";
import type { Instead } from "./front.ts";
import type { Item } from "./operation-cases.ts";

const DETECT = { resource: "object", operation: "detect" };
const DESCRIBE = { resource: "region", operation: "describe" };
const SOUND = "bear.jpg";

/** A workflow that stops at a fault, and what its panel then shows. */
interface FaultCase {
  readonly name: string;
  readonly flow: Omit<Flow, "credential"> & { readonly credential?: string };
  readonly message: RegExp;
  /** Each is found in what stands below the message. */
  readonly description: readonly RegExp[];
  /** The item it names; the first if left out. */
  readonly item?: number;
  /** What the service in front says in place of the box. */
  readonly instead?: Instead;
}

/** Three items, the second of which has other files, or none. */
const secondHas = (binary: string): string =>
  `const one = $input.first(); const file = one.binary.data; return [one, { json: {}, binary: ${binary} }, one];`;

const problem = (status: number, code: string, more: object): Response =>
  Response.json(
    { title: "Of old", detail: "Said by an older service.", code, ...more },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );

const FAULTS: readonly FaultCase[] = [
  {
    name: "no file in the second item",
    flow: { id: "nofile", code: secondHas("undefined"), parameters: DETECT },
    message: /^The item has no binary data, so no picture in "data"/u,
    description: [/Put a node that reads a file before this one/u],
    item: 1,
  },
  {
    name: "no such field, names those there are",
    flow: {
      id: "nofield",
      code: secondHas("{ front: file, back: file }"),
      parameters: DETECT,
    },
    message: /^The item has no binary field "data"/u,
    description: [/front \(image\/jpeg\), back \(image\/jpeg\)/u],
    item: 1,
  },
  {
    name: "a file that says it is text",
    flow: {
      id: "text",
      code: secondHas("{ data: { ...file, mimeType: 'text/plain' } }"),
      parameters: DETECT,
    },
    message: /^The field "data" holds text\/plain, which is not an image/u,
    description: [/A picture is JPEG, PNG or WebP/u],
    item: 1,
  },
  {
    name: "a file that says it is an image, and is none",
    flow: {
      id: "noimage",
      code: secondHas(
        "{ data: { data: Buffer.from('not a picture at all').toString('base64'), mimeType: 'image/jpeg' } }",
      ),
      parameters: DETECT,
    },
    message: /^[A-Z].*: .*(JPEG|PNG|WebP)/u,
    description: [/HTTP 4\d\d, .*request req_/u],
    item: 1,
  },
  {
    name: "an expression for the address that finds nothing",
    flow: {
      id: "nourl",
      parameters: {
        ...DETECT,
        imageSource: "url",
        imageUrl: "={{ $json.no }}",
      },
    },
    message: /^Image URL is empty/u,
    description: [/check that the expression finds something/u],
  },
  {
    name: "an address without a picture",
    flow: {
      id: "badurl",
      parameters: {
        ...DETECT,
        imageSource: "url",
        imageUrl: "http://127.0.0.1:9/nobody.jpg",
      },
    },
    message: /^[A-Z].*: /u,
    description: [/HTTP 4\d\d, url_fetch_failed, request req_/u],
  },
  {
    name: "an upload there is not",
    flow: {
      id: "noupload",
      parameters: { ...DETECT, imageSource: "upload", uploadId: "up_gone" },
    },
    message: /There is no upload .*up_gone/u,
    description: [/HTTP 404, not_found, request req_/u],
  },
  {
    name: "features there are not",
    flow: {
      id: "nofeature",
      parameters: { ...DETECT, imageSource: "feature", featureId: "ft_gone" },
    },
    message: /There are no features ft_gone\. /u,
    description: [/HTTP 404, not_found, request req_/u],
  },
  {
    name: "an option out of its range, with its pointer",
    flow: {
      id: "range",
      code: "return [$input.first(), $input.first()];",
      parameters: {
        ...DETECT,
        options: { minScore: "={{ $itemIndex === 1 ? 7 : 0.1 }}" },
      },
    },
    message: /^Request invalid: /u,
    description: [
      /^\/options\/min_score: /mu,
      /HTTP 422, invalid_request, request req_/u,
    ],
    item: 1,
  },
  {
    name: "no phrase",
    flow: {
      id: "nophrase",
      credential: "scripted",
      parameters: { resource: "object", operation: "ground", phrase: " " },
    },
    message: /^Phrase is empty; the task ground needs it/u,
    description: [],
  },
  {
    name: "a region that is none",
    flow: {
      id: "noregion",
      credential: "scripted",
      parameters: {
        ...DESCRIBE,
        regionsFrom: "json",
        regionsJson: '[{ "box": { "x_min": "left" } }]',
      },
    },
    message: /^Region 1 has no number as x_min: "left"/u,
    description: [/A region is \{"x_min"/u],
  },
  {
    name: "a region of fields that are not there",
    flow: {
      id: "emptyregion",
      credential: "scripted",
      parameters: {
        ...DESCRIBE,
        regionsFrom: "fields",
        regions: {
          region: [
            { x_min: "={{ $json.nothing }}", y_min: 0, x_max: 9, y_max: 9 },
          ],
        },
      },
    },
    message: /^Region 1 has no number as x_min: /u,
    description: [/A region is \{"x_min"/u],
  },
  {
    name: "no earlier detection, names the fields there are",
    flow: { id: "noboxes", credential: "scripted", parameters: DESCRIBE },
    message: /^The item has no boxes from an earlier detection; its fields: /u,
    description: [/Put a node that detects before this one/u],
  },
  {
    name: "a region outside the picture",
    flow: {
      id: "outside",
      credential: "scripted",
      parameters: {
        ...DESCRIBE,
        regionsFrom: "json",
        regionsJson: "[9000, 9000, 9100, 9100]",
      },
    },
    message: /^Region /u,
    description: [
      /^\/tasks\/0\/regions\/0/mu,
      /pixels of the picture unless Coordinates says otherwise/u,
    ],
  },
  {
    name: "wrong key",
    flow: { id: "wrongkey", credential: "wrongkey", parameters: DETECT },
    message: /^Not authenticated: /u,
    description: [/Check the API key of the credential/u, /request req_/u],
  },
  {
    name: "service down",
    flow: { id: "down", credential: "down", parameters: DETECT },
    message:
      /^The Florence service at http:\/\/127\.0\.0\.1:9\/v1\/analyze cannot be reached/u,
    description: [/Check that it runs.*ECONNREFUSED/u],
  },
  {
    name: "something else at the address",
    flow: { id: "stranger", credential: "stranger", parameters: DETECT },
    message: /answered with HTTP 404, and not as a Florence service does/u,
    description: [/update it/u],
  },
  {
    name: "older service: no such path",
    flow: {
      id: "oldpath",
      credential: "front",
      parameters: { ...DETECT, options: { asJob: "start" } },
    },
    instead: () =>
      problem(404, "not_found", {
        detail: "There is nothing at /v1/jobs. There is: /v1/analyze.",
        request_id: "req_old",
      }),
    message: /^Of old: There is nothing at \/v1\/jobs/u,
    description: [/older than this node needs/u, /request req_old/u],
  },
  {
    name: "older service: no such task",
    flow: { id: "oldtask", credential: "front", parameters: DETECT },
    instead: () =>
      problem(422, "unknown_task", {
        errors: [{ pointer: "/tasks/0/task", detail: "one of: caption" }],
      }),
    message: /^Of old: /u,
    description: [
      /^\/tasks\/0\/task: one of: caption/mu,
      /older than this node needs/u,
    ],
  },
  {
    name: "older service: no such option",
    flow: {
      id: "oldoption",
      credential: "front",
      parameters: { ...DETECT, options: { tiling: true } },
    },
    instead: () =>
      problem(422, "invalid_request", {
        errors: [{ pointer: "/options/tiling", detail: "unknown field" }],
      }),
    message: /^Of old: /u,
    description: [
      /^\/options\/tiling: unknown field/mu,
      /older than this node needs/u,
    ],
  },
  {
    name: "another version: answers otherwise",
    flow: { id: "other", credential: "front", parameters: DETECT },
    instead: () => Response.json({ predictions: [] }),
    message: /^The service answered with something else than an analysis/u,
    description: [/older than this node needs/u],
  },
];

const MORE: readonly Flow[] = [
  {
    id: "goeson",
    credential: "box",
    onError: "continueRegularOutput",
    code: secondHas("undefined"),
    parameters: DETECT,
  },
  {
    id: "erroroutput",
    credential: "box",
    onError: "continueErrorOutput",
    code: secondHas("undefined"),
    parameters: DETECT,
  },
  {
    id: "noitems",
    credential: "box",
    code: "return [];",
    parameters: DETECT,
  },
  {
    id: "onetaskfails",
    credential: "box",
    parameters: {
      resource: "image",
      operation: "runMany",
      tasks: { task: [{ task: "caption" }, { task: "dense_caption" }] },
    },
  },
];

export const ERRORS: CaseGroup = {
  flows: [
    ...FAULTS.map(({ flow }) => ({ credential: "box", ...flow })),
    ...MORE,
  ],
  async check(bench) {
    const { test, ask } = bench;
    for (const one of FAULTS) {
      await test(`fault: ${one.name}`, () => checkFault(bench, one));
    }
    await test("fault: goes on with the other items where told to", async () => {
      const items = await ask("goeson", SOUND);
      assert.deepEqual(
        items.map((item) => item["count"] ?? item["error"]),
        [1, 'The item has no binary data, so no picture in "data"', 1],
      );
      const kept = (await bench.latest("goeson")).items["Florence"] ?? [];
      assert.deepEqual(
        kept.map(({ pairedItem }) => pairedItem?.item),
        [0, 1, 2],
      );
    });
    await test("fault: sends the item to the error output where told to", async () => {
      const { items, failed } = await bench.run("erroroutput", SOUND);
      assert.equal(items["Florence"]?.length, 2);
      const [one, ...more] = failed["Florence"] ?? [];
      assert.equal(more.length, 0);
      assert.match(String(one?.json["error"]), /no binary data/u);
      const details = one?.json["details"] as Item;
      assert.match(String(details["description"]), /Put a node/u);
    });
    await test("no items: nothing is asked, nothing fails", async () => {
      const { status, items } = await bench.run("noitems", SOUND);
      assert.equal(status, "success");
      assert.deepEqual(items["Florence"] ?? [], []);
    });
    await test("one task of many that fails stands beside the others", async () => {
      const [item] = await ask("onetaskfails", SOUND);
      const [caption, dense] = item?.["results"] as Item[];
      assert.equal(caption?.["status"], "ok");
      assert.equal(
        (dense?.["problem"] as Item | undefined)?.["code"],
        "unsupported_task",
      );
    });
  },
};

async function checkFault(
  bench: Bench,
  { flow, instead, message, description, item = 0 }: FaultCase,
): Promise<void> {
  bench.front.instead = instead ?? null;
  try {
    const { status, error } = await bench.run(flow.id, SOUND);
    assert.equal(status, "error");
    assert.match(error?.message ?? "", message);
    for (const part of description) {
      assert.match(error?.description ?? "", part);
    }
    assert.equal(error?.context?.itemIndex, item);
  } finally {
    bench.front.instead = null;
  }
}
