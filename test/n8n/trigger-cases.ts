// The trigger's life: published, restarted, forged at, rotated, lost, published
// while the service is down, unpublished.

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { signStandardWebhook } from "../../src/shared/webhooks/standard-webhook.ts";
import type { Bench, CaseGroup } from "./bench.ts";
import { until } from "./executions.ts";
import { triggerFlow } from "./flows.ts";
import { call } from "./service-calls.ts";
import {
  allDelivered,
  createTriggerBench,
  uploadPhoto,
  type Endpoint,
  type TriggerBench,
} from "./trigger-bench.ts";
import type { Item } from "./operation-cases.ts";

const ID = "uploads";
const LATE = "late";
const PARAMETERS = { events: ["image.uploaded"] };

export const TRIGGER: CaseGroup = {
  workflows: [
    triggerFlow(ID, "box", PARAMETERS),
    triggerFlow(LATE, "front", PARAMETERS),
  ],
  async check(bench) {
    const trigger = createTriggerBench(bench, ID);
    await checkDeliveries(bench, trigger);
    await checkSecrets(bench, trigger);
    await checkEndpoint(bench, trigger);
    await checkDown(bench);
  },
};

async function checkDeliveries(
  bench: Bench,
  trigger: TriggerBench,
): Promise<void> {
  const { box, test } = bench;
  const upload = (): Promise<void> => uploadPhoto(bench);
  await test("trigger: activate registers one endpoint", async () => {
    await trigger.activate();
    const { events } = await trigger.endpoint();
    assert.deepEqual(events, PARAMETERS.events);
  });
  await test("trigger: an upload starts the workflow", async () => {
    const item = await trigger.startsBy(upload);
    assert.equal(item["event"], "image.uploaded");
    assert.equal(item["source"], "upload");
  });
  await test("trigger: the service's test message is taken, starts nothing", () =>
    trigger.startsNothing(async () => {
      const { id } = await trigger.endpoint();
      const path = `/v1/webhook-endpoints/${id}/test`;
      assert.equal((await call(box, "POST", path))["delivered"], true);
    }));
  await test("trigger: the same delivery again starts nothing", () =>
    trigger.startsNothing(async () => {
      const endpoint = await trigger.endpoint();
      const path = `/v1/webhook-endpoints/${endpoint.id}/deliveries`;
      const [latest] = (await call(box, "GET", path))["data"] as Item[];
      await call(
        box,
        "POST",
        `/v1/deliveries/${String(latest?.["id"])}/replay`,
      );
      await allDelivered(bench, endpoint);
    }));
  await test("trigger: forged and unsigned deliveries get 401", () =>
    trigger.startsNothing(async () => {
      const { url } = await trigger.endpoint();
      for (const signature of ["", "v1,Zm9yZ2Vk"]) {
        assert.equal(
          await deliver(url, { "webhook-signature": signature }),
          401,
        );
      }
    }));
  await test("trigger: takes what is signed now, not six minutes ago or ahead", async () => {
    const { url } = await trigger.endpoint();
    const secret = await secretOf(bench, url);
    await trigger.startsNothing(async () => {
      for (const seconds of [-360, 360]) {
        assert.equal(await deliver(url, await signed(secret, seconds)), 401);
      }
    });
    await trigger.startsBy(async () => {
      assert.equal(await deliver(url, await signed(secret, 0)), 200);
    });
  });
}

async function checkSecrets(
  bench: Bench,
  trigger: TriggerBench,
): Promise<void> {
  const { box, test } = bench;
  const upload = (): Promise<void> => uploadPhoto(bench);
  await test("trigger: goes on after the secret was rotated twice", async () => {
    const { id } = await trigger.endpoint();
    for (let times = 0; times < 2; times += 1) {
      await call(box, "POST", `/v1/webhook-endpoints/${id}/rotate`);
      await trigger.startsBy(upload);
    }
  });
  await test("trigger: goes on after n8n was restarted", async () => {
    await bench.restart();
    await trigger.endpoint();
    await trigger.startsBy(upload);
  });
  await test("trigger: finds the secret again if n8n has lost it", async () => {
    await bench.restart(() => {
      loseStaticData(bench.userFolder);
    });
    await trigger.startsBy(upload);
  });
  await test("trigger: finds the secret again if the service has a new one", async () => {
    // It asks once in five minutes: begins anew.
    await trigger.deactivate();
    await trigger.activate();
    const { id, url } = await trigger.endpoint();
    await call(box, "DELETE", `/v1/webhook-endpoints/${id}`);
    await secretOf(bench, url);
    assert.notEqual((await trigger.endpoint()).id, id);
    await trigger.startsBy(upload);
  });
}

async function checkEndpoint(
  bench: Bench,
  trigger: TriggerBench,
): Promise<void> {
  const { box, n8n, test } = bench;
  await test("trigger: comes back at the next publish if the service lost it", async () => {
    const { id } = await trigger.endpoint();
    await call(box, "DELETE", `/v1/webhook-endpoints/${id}`);
    // n8n looks after a trigger that differs from the one published.
    const workflow = (await n8n.rest("GET", `/rest/workflows/${ID}`)) as {
      readonly nodes: readonly Item[];
    };
    const nodes = workflow.nodes.map((node) =>
      node["name"] === "Trigger"
        ? { ...node, parameters: { ...PARAMETERS, sources: "upload" } }
        : node,
    );
    await n8n.rest("PATCH", `/rest/workflows/${ID}`, { ...workflow, nodes });
    await trigger.activate();
    await trigger.startsBy(() => uploadPhoto(bench));
  });
  await test("trigger: deactivate takes the endpoint off the list", () =>
    trigger.deactivate());
  await test("trigger: deactivate is fine with an endpoint that is gone", async () => {
    await trigger.activate();
    const { id } = await trigger.endpoint();
    await call(box, "DELETE", `/v1/webhook-endpoints/${id}`);
    await trigger.deactivate();
    await trigger.activate();
    await trigger.deactivate();
  });
}

/** n8n tries five times in 15 s, and then leaves it to the next publish. */
async function checkDown(bench: Bench): Promise<void> {
  const { front, test } = bench;
  const trigger = createTriggerBench(bench, LATE);
  const publication = async (): Promise<Publication> =>
    (await bench.n8n.rest(
      "GET",
      `/rest/workflows/${LATE}/publication-status`,
    )) as Publication;
  await test("trigger: published while the service is down, registers by itself once it is back", async () => {
    front.forget();
    front.instead = () => "cut";
    await bench.activate(LATE);
    await until(() => front.passed.length > 0);
    assert.equal((await trigger.endpoints()).length, 0);
    front.instead = null;
    await until(async () => (await trigger.endpoints()).length === 1);
    await trigger.startsBy(() => uploadPhoto(bench));
    await trigger.deactivate();
  });
  await test("trigger: says that the service is down if it stays so, registers at the next publish", async () => {
    await front.close();
    await bench.activate(LATE);
    await until(async () => (await publication()).status === "failed", 90);
    const [failed] = (await publication()).triggers;
    assert.match(failed?.errorMessage ?? "", /cannot be reached/u);
    await front.open();
    await trigger.activate();
    await trigger.startsBy(() => uploadPhoto(bench));
    await trigger.deactivate();
  });
}

interface Publication {
  readonly status: string;
  readonly triggers: readonly { readonly errorMessage?: string | null }[];
}

/** Sends a message as the service would; returns the status of the answer. */
async function deliver(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "webhook-id": "msg_of_a_test",
      "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
      ...headers,
    },
    body: BODY,
  });
  return response.status;
}

const BODY = JSON.stringify({ type: "image.uploaded", data: {} });

async function signed(
  secret: string,
  fromNowSeconds: number,
): Promise<Readonly<Record<string, string>>> {
  return await signStandardWebhook([secret], {
    id: "msg_of_a_test",
    timestampSeconds: Math.floor(Date.now() / 1000) + fromNowSeconds,
    body: BODY,
  });
}

/** Registers an address as n8n does: what is there already comes back. */
async function secretOf({ box }: Bench, url: Endpoint["url"]): Promise<string> {
  const body = { url, ...PARAMETERS, filter: {}, full: true };
  const made = await call(box, "POST", "/v1/webhook-endpoints", body);
  return String(made["secret"]);
}

/** As after the loss of n8n's database: the workflow is there, its memory not. */
function loseStaticData(userFolder: string): void {
  const file = join(userFolder, ".n8n/database.sqlite");
  const database = new DatabaseSync(file);
  const { changes } = database
    .prepare("UPDATE workflow_entity SET staticData = NULL WHERE id = ?")
    .run(ID);
  database.close();
  assert.equal(Number(changes), 1);
}
