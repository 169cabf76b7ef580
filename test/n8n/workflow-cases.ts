// The workflows that users import, each run from its own beginning to what it
// gives: a row, a file, a message.

import assert from "node:assert/strict";
import { unzipSync } from "fflate";
import { CROWD, RECEIPT } from "../fakes/scripted-answers.ts";
import { startUserSite, type UserSite } from "../fakes/user-site.ts";
import { startLoopbackService } from "../http/loopback-service.ts";
import { readPhoto, type Bench, type CaseGroup } from "./bench.ts";
import { importExample, runByHand } from "./example-workflows.ts";
import { until, type Execution } from "./executions.ts";
import type { Item } from "./operation-cases.ts";
import { upload } from "./service-calls.ts";
import { retryUnpublished, submitForm, type EndPage } from "./submit-form.ts";
import { createTriggerBench } from "./trigger-bench.ts";

export const WORKFLOWS: CaseGroup = {
  async check(bench) {
    const site = await startUserSite();
    const receipt = await startLoopbackService({ script: RECEIPT });
    const crowd = await startLoopbackService({ script: CROWD });
    try {
      const receiptKey = await addCredential(bench, receipt.origin);
      const crowdKey = await addCredential(bench, crowd.origin);
      await bench.test("workflow: alt text of an uploaded picture", () =>
        checkAltText(bench, site),
      );
      await bench.test("workflow: receipt to a CSV file", () =>
        checkReceipt(bench, receiptKey),
      );
      await bench.test("workflow: one person sends no alert, five do", () =>
        checkCount(bench, site, crowdKey),
      );
      await bench.test("workflow: a ZIP file of crops, or a page without", () =>
        checkCrops(bench, receiptKey),
      );
      await bench.test("workflow: boxes to blur, in whole pixels", () =>
        checkBlurPlan(bench),
      );
    } finally {
      await Promise.all([site.close(), receipt.close(), crowd.close()]);
    }
  },
};

async function checkAltText(bench: Bench, site: UserSite): Promise<void> {
  const sink = `${site.origin}/alt-text`;
  const id = await importExample(bench.n8n, "alt-text.json", {
    florence: "box",
    addresses: { "https://example.com/alt-text": sink },
  });
  await whilePublished(bench, id, async () => {
    const trigger = createTriggerBench(bench, "florence-alt-text");
    await until(async () => (await trigger.endpoints()).length === 1);
    const uploadId = await upload(bench.box, "bear.jpg");
    await until(() => site.posted.length === 1);
    const row = site.posted[0]?.body as Item;
    assert.match(String(row["alt_text"]), /\bbear\b/iu);
    assert.equal(row["width"], 469);
    assert.equal(row["height"], 512);
    assert.equal(row["upload_id"], uploadId);
    assert.equal(row["picture"], uploadId);
    bench.row("alt-text.json", "bear.jpg", "box", 1, "");
  });
}

async function checkReceipt(bench: Bench, florence: string): Promise<void> {
  const id = await importExample(bench.n8n, "receipt-to-rows.json", {
    florence,
  });
  const { files } = await whilePublished(bench, id, () =>
    submitForm(bench.n8n, "florence-receipt", "street-sign.jpg"),
  );
  assert.deepEqual(
    files.map(({ fileName }) => fileName),
    ["receipt.csv"],
  );
  const csv = Buffer.from(files[0]?.bytes ?? []).toString("utf8");
  assert.deepEqual(csv.replace("\uFEFF", "").trim().split(/\r?\n/u), [
    "row,text,amount",
    "1,CORNER SHOP,",
    '2,"Milk 1,29",1.29',
    "3,Bread 2.50,2.5",
    "4,Discount -0.30,-0.3",
    "5,TOTAL 3.49,3.49",
  ]);
}

async function checkCount(
  bench: Bench,
  site: UserSite,
  crowd: string,
): Promise<void> {
  const run = async (florence: string): Promise<Execution> => {
    const id = await importExample(bench.n8n, "count-and-alert.json", {
      florence,
      addresses: {
        "https://example.com/camera.jpg": `${site.origin}/surfer.jpg`,
        "https://example.com/alert": `${site.origin}/alert`,
      },
    });
    await runByHand(bench.n8n, id, "Every Ten Minutes");
    await until(async () => (await bench.executions(id)) > 0);
    return await bench.latest(id);
  };
  const alerts = (): readonly unknown[] =>
    site.posted.filter(({ path }) => path === "/alert");
  const calm = await run("box");
  assert.equal(calm.status, "success", calm.error?.message);
  assert.equal(calm.items["Count Persons"]?.[0]?.json["count"], 1);
  assert.equal(alerts().length, 0);
  const busy = await run(crowd);
  assert.equal(busy.status, "success", busy.error?.message);
  assert.equal(alerts().length, 1);
  assert.match(
    JSON.stringify(alerts()),
    /"text":"5 persons in the picture of \d\d:\d\d"/u,
  );
}

/** @param blind credential of a service that finds nothing. */
async function checkCrops(bench: Bench, blind: string): Promise<void> {
  const id = await importExample(bench.n8n, "crop-products.json", {
    florence: "box",
  });
  const submit = (): Promise<EndPage> =>
    submitForm(bench.n8n, "florence-crops", "surfer.jpg");
  const { files, html } = await whilePublished(bench, id, submit);
  assert.match(html, /2 files/u);
  const [zip] = files;
  assert.ok(zip !== undefined);
  assert.equal(zip.fileName, "products.zip");
  const crops = unzipSync(zip.bytes);
  assert.deepEqual(Object.keys(crops).sort(), [
    "surfer-1-person.png",
    "surfer-2-surfboard.png",
  ]);
  for (const bytes of Object.values(crops)) {
    assert.equal(Buffer.from(bytes).subarray(1, 4).toString("latin1"), "PNG");
  }
  const empty = await importExample(bench.n8n, "crop-products.json", {
    florence: blind,
  });
  const nothing = await whilePublished(bench, empty, submit);
  assert.match(nothing.html, /Nothing found/u);
  assert.deepEqual(nothing.files, []);
}

async function checkBlurPlan(bench: Bench): Promise<void> {
  const id = await importExample(bench.n8n, "blur-plan.json", {
    florence: "box",
  });
  const plan = await whilePublished(bench, id, async () => {
    const response = await retryUnpublished(() =>
      fetch(`${bench.n8n.origin}/webhook/blur-plan`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: readPhoto("surfer.jpg"),
      }),
    );
    return (await response.json()) as Item;
  });
  assert.deepEqual([plan["width"], plan["height"]], [512, 340]);
  const [first, ...more] = plan["blur"] as Item[];
  assert.deepEqual(more, []);
  assert.ok(first !== undefined);
  const { label, region, x, y, width, height } = first;
  assert.equal(label, "person");
  assert.ok([x, y, width, height].every(Number.isInteger));
  assert.equal(
    region,
    `${String(width)}x${String(height)}+${String(x)}+${String(y)}`,
  );
  bench.row("blur-plan.json", "surfer.jpg", "box", 1, "");
}

async function whilePublished<Result>(
  { activate, n8n }: Bench,
  id: string,
  act: () => Promise<Result>,
): Promise<Result> {
  await activate(id);
  try {
    return await act();
  } finally {
    await n8n.rest("POST", `/rest/workflows/${id}/deactivate`);
  }
}

/** Of a service in open mode; gives its id. */
async function addCredential({ n8n }: Bench, baseUrl: string): Promise<string> {
  const { id } = (await n8n.rest("POST", "/rest/credentials", {
    name: baseUrl,
    type: "florenceApi",
    data: { baseUrl, apiKey: "" },
  })) as { readonly id: string };
  return id;
}
