// The session contract on ONNX Runtime for Node.

import { test } from "node:test";
import { createNodeSessions } from "../../src/node/onnxruntime-session.ts";
import { SESSION_CONTRACT } from "./session-contract.ts";

const sessions = createNodeSessions({ threads: 1 });

for (const contract of SESSION_CONTRACT) {
  test(`onnxruntime-node ${contract.name}`, () => contract.run(sessions));
}
