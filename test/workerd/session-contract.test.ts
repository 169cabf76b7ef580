// The session contract on ONNX Runtime's plain wasm, inside workerd.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SESSION_CONTRACT } from "../contract/session-contract.ts";
import { startContractWorker, type WorkerProcess } from "./worker-process.ts";

let worker: WorkerProcess;
let names: string[];

before(async () => {
  worker = await startContractWorker("http://localhost");
  const response = await worker.fetch("/sessions");
  names = (await response.json()) as string[];
});
after(() => worker.close());

test("the Worker knows every case, and those about its heap", () => {
  const contract = SESSION_CONTRACT.map(({ name }) => name);
  assert.deepEqual(names.slice(-contract.length), contract);
  assert.equal(names.length, contract.length + 3);
});

test("in workerd, a session holds every case", async (context) => {
  for (const [index, name] of names.entries()) {
    await context.test(name, async () => {
      const response = await worker.fetch(`/sessions/${index}`, {
        method: "POST",
      });
      assert.equal(response.status, 200, await response.clone().text());
    });
  }
});
