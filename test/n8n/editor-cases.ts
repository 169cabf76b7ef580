// What the editor knows of the package: its types, its credential's button, its
// list of models.

import assert from "node:assert/strict";
import type { Bench, CaseGroup } from "./bench.ts";
import type { Item } from "./operation-cases.ts";

const PACKAGE = "n8n-nodes-florence.";

export const EDITOR: CaseGroup = {
  async check(bench) {
    await bench.test("three types, icons light and dark, tool variant", () =>
      checkTypes(bench),
    );
    await bench.test("credential is tested by its button", async () => {
      assert.equal(await buttonSays(bench, "box"), "OK");
      assert.equal(await buttonSays(bench, "wrongkey"), "Error");
      assert.equal(await buttonSays(bench, "down"), "Error");
    });
    await bench.test(
      "models are listed, the service's choice first",
      async () => {
        const models = await listModels(bench, "box");
        assert.equal(models[0]?.["value"], "default");
        assert.match(String(models[1]?.["description"]), /^\d+ tasks, int8/u);
      },
    );
    await bench.test("models of an older service are listed, too", async () => {
      bench.front.instead = () =>
        Response.json({ object: "list", data: [{ id: "old" }, {}] });
      try {
        const models = await listModels(bench, "front");
        assert.deepEqual(
          models.map(({ name, description }) => [name, description]),
          [
            ["Default", "The first model of the service"],
            ["old", ""],
          ],
        );
      } finally {
        bench.front.instead = null;
      }
    });
  },
};

async function checkTypes({ n8n }: Bench): Promise<void> {
  const types = (await n8n.rest("GET", "/types/nodes.json")) as Item[];
  const ours = types.filter(({ name }) => String(name).startsWith(PACKAGE));
  assert.deepEqual(ours.map(({ name }) => name).sort(), [
    `${PACKAGE}florence`,
    `${PACKAGE}florenceTool`,
    `${PACKAGE}florenceTrigger`,
  ]);
  const tool = ours.find(({ name }) => String(name).endsWith("Tool"));
  assert.deepEqual(tool?.["outputs"], ["ai_tool"]);
  for (const one of ours) {
    const { light, dark } = one["iconUrl"] as Record<string, string>;
    for (const url of [light, dark]) {
      const icon = await fetch(`${n8n.origin}/${url ?? ""}`);
      assert.match(await icon.text(), /<svg/u);
    }
  }
}

async function buttonSays({ n8n }: Bench, id: string): Promise<string> {
  const credentials = await n8n.rest(
    "GET",
    `/rest/credentials/${id}?includeData=true`,
  );
  const answer = (await n8n.rest("POST", "/rest/credentials/test", {
    credentials,
  })) as { readonly status: string };
  return answer.status;
}

async function listModels({ n8n }: Bench, id: string): Promise<Item[]> {
  return (await n8n.rest("POST", "/rest/dynamic-node-parameters/options", {
    nodeTypeAndVersion: { name: `${PACKAGE}florence`, version: 1 },
    path: "parameters.options.model",
    methodName: "getModels",
    currentNodeParameters: {},
    credentials: { florenceApi: { id, name: id } },
  })) as Item[];
}
