// The trigger's life: published, told of uploads, restarted, forged at, rotated,
// unpublished.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { NodeTarget } from "../server/node-target.ts";
import type { N8n } from "./n8n-process.ts";

export interface TriggerBench {
  readonly box: NodeTarget;
  readonly n8n: () => N8n;
  readonly activate: (id: string) => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly test: (name: string, body: () => unknown) => Promise<void>;
}

const ID = "uploads";
const PHOTO = new URL("../../examples/photos/bear.jpg", import.meta.url);

interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
}

export async function checkTrigger(bench: TriggerBench): Promise<void> {
  const { box, n8n, test } = bench;
  const api = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<Record<string, unknown>> => {
    const response = await box.fetch(path, {
      method,
      headers: {
        Authorization: `Bearer ${box.keys.first}`,
        "Content-Type": "application/json",
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
  const endpoints = async (): Promise<readonly Endpoint[]> =>
    (await api("GET", "/v1/webhook-endpoints"))["data"] as Endpoint[];
  const executions = async (): Promise<number> => {
    const filter = encodeURIComponent(JSON.stringify({ workflowId: ID }));
    const { count } = (await n8n().rest(
      "GET",
      `/rest/executions?filter=${filter}`,
    )) as { readonly count: number };
    return count;
  };
  const upload = async (): Promise<void> => {
    const { url, headers } = await api("POST", "/v1/uploads", {});
    const put = await fetch(String(url), {
      method: "PUT",
      headers: headers as Record<string, string>,
      body: readFileSync(PHOTO),
    });
    assert.ok(put.ok, await put.text());
  };
  const uploadStarts = async (): Promise<void> => {
    const before = await executions();
    await upload();
    await until(async () => (await executions()) === before + 1);
  };
  const deactivate = async (): Promise<void> => {
    await n8n().rest("POST", `/rest/workflows/${ID}/deactivate`);
    await until(async () => (await endpoints()).length === 0);
  };

  await test("trigger: activate registers one endpoint", async () => {
    await bench.activate(ID);
    await until(async () => (await endpoints()).length === 1);
    const [endpoint] = await endpoints();
    assert.deepEqual(endpoint?.events, [
      "image.uploaded",
      "analysis.completed",
    ]);
  });
  await test("trigger: an upload starts the workflow", uploadStarts);
  await test("trigger: the service's test message is taken, starts nothing", async () => {
    const before = await executions();
    const [endpoint] = await endpoints();
    const tested = await api(
      "POST",
      `/v1/webhook-endpoints/${endpoint?.id ?? ""}/test`,
    );
    assert.equal(tested["delivered"], true);
    assert.equal(await executions(), before);
  });
  await test("trigger: the same delivery again starts nothing", async () => {
    const before = await executions();
    const [endpoint] = await endpoints();
    const path = `/v1/webhook-endpoints/${endpoint?.id ?? ""}/deliveries`;
    const [latest] = (await api("GET", path))["data"] as { id: string }[];
    await api("POST", `/v1/deliveries/${latest?.id ?? ""}/replay`);
    await until(async () => {
      const [again] = (await api("GET", path))["data"] as { status: string }[];
      return again?.status === "delivered";
    });
    assert.equal(await executions(), before);
  });
  await test("trigger: forged and unsigned deliveries get 401", async () => {
    const before = await executions();
    const [endpoint] = await endpoints();
    for (const signature of ["", "v1,Zm9yZ2Vk"]) {
      const response = await fetch(endpoint?.url ?? "", {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "webhook-id": "msg_forged",
          "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
          "webhook-signature": signature,
        },
        body: JSON.stringify({ type: "image.uploaded", data: {} }),
      });
      assert.equal(response.status, 401);
    }
    assert.equal(await executions(), before);
  });
  await test("trigger: goes on after the secret was rotated twice", async () => {
    const [endpoint] = await endpoints();
    const path = `/v1/webhook-endpoints/${endpoint?.id ?? ""}/rotate`;
    await api("POST", path);
    await uploadStarts();
    await api("POST", path);
    await uploadStarts();
  });
  await test("trigger: goes on after n8n was restarted", async () => {
    await bench.restart();
    assert.equal((await endpoints()).length, 1);
    await uploadStarts();
  });
  await test("trigger: deactivate takes the endpoint off the list", deactivate);
  await test("trigger: comes back at the next publish if the service lost it", async () => {
    await bench.activate(ID);
    await until(async () => (await endpoints()).length === 1);
    const [endpoint] = await endpoints();
    await api("DELETE", `/v1/webhook-endpoints/${endpoint?.id ?? ""}`);
    await deactivate();
    await bench.activate(ID);
    await until(async () => (await endpoints()).length === 1);
    await deactivate();
  });
}

/** Waits for what comes a moment later. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 150; tries += 1) {
    if (await isTrue()) return;
    await wait(200);
  }
  throw new Error("it did not come about within 30 s");
}
