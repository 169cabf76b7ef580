// What the cases of the trigger share: its entry in the service's list, its
// executions, and deliveries of one's own.

import assert from "node:assert/strict";
import type { Bench } from "./bench.ts";
import { until } from "./executions.ts";
import { call, upload } from "./service-calls.ts";
import type { Item } from "./operation-cases.ts";

export const PHOTO = "bear.jpg";

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly filter: object;
}

/** One published trigger. */
export interface TriggerBench {
  /** Its entries in the service's list; one, or none. */
  endpoints(): Promise<readonly Endpoint[]>;
  endpoint(): Promise<Endpoint>;
  activate(): Promise<void>;
  deactivate(): Promise<void>;
  executions(): Promise<number>;
  /** Does something that starts the workflow once, and gives the item it got. */
  startsBy(act: () => Promise<unknown>): Promise<Item>;
  /** Does something that is delivered, or refused, and starts nothing. */
  startsNothing(act: () => Promise<unknown>): Promise<void>;
}

/** @param id of the workflow. */
export function createTriggerBench(bench: Bench, id: string): TriggerBench {
  const endpoints = async (): Promise<readonly Endpoint[]> => {
    const { data } = await call(bench.box, "GET", "/v1/webhook-endpoints");
    return (data as Endpoint[]).filter(({ url }) => url.includes(`/${id}/`));
  };
  const executions = (): Promise<number> => bench.executions(id);
  return {
    endpoints,
    executions,
    async endpoint() {
      const [one, ...more] = await endpoints();
      assert.ok(one !== undefined && more.length === 0);
      return one;
    },
    async activate() {
      await bench.activate(id);
      await until(async () => (await endpoints()).length === 1);
    },
    async deactivate() {
      await bench.n8n.rest("POST", `/rest/workflows/${id}/deactivate`);
      await until(async () => (await endpoints()).length === 0);
    },
    async startsBy(act) {
      const before = await executions();
      await act();
      await until(async () => (await executions()) === before + 1);
      const { items } = await bench.latest(id);
      return items["Trigger"]?.[0]?.json ?? {};
    },
    async startsNothing(act) {
      const before = await executions();
      await act();
      assert.equal(await executions(), before);
    },
  };
}

/** Waits until every delivery to an endpoint was taken. */
export async function allDelivered(
  { box }: Bench,
  { id }: Endpoint,
): Promise<void> {
  await until(async () => {
    const path = `/v1/webhook-endpoints/${id}/deliveries`;
    const { data } = await call(box, "GET", path);
    return (data as Item[]).every(({ status }) => status === "delivered");
  });
}

export async function uploadPhoto({ box }: Bench): Promise<void> {
  await upload(box, PHOTO);
}
