import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { createService } from "../../src/http/service.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { runExample } from "./run-example.ts";

const PHOTO = "examples/photos/street.jpg";

let server: Server;
let origin: string;

// The API as it is, over a model that always says the same.
before(async () => {
  const { app } = createService(await createFakeHost());
  server = createServer((request, response) => {
    void (async () => {
      const body = new Uint8Array(Buffer.concat(await request.toArray()));
      const answer = await app.request(request.url ?? "/", {
        method: request.method ?? "GET",
        headers: { "Content-Type": request.headers["content-type"] ?? "" },
        body,
      });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
});
after(() => server.close());

test("prints the Worker's caption and objects", async () => {
  const run = await runExample("call-the-edge", [PHOTO, origin]);
  assert.equal(run.code, 0, run.stderr);
  const [caption, ...objects] = run.stdout.trimEnd().split("\n");
  assert.equal(caption, "a green boat");
  for (const line of objects) assert.match(line, /^.+ \([01]\.\d\d\)$/u);
});

test("prints what was wrong, and fails", async () => {
  const run = await runExample("call-the-edge", ["package.json", origin]);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /^[^:]+: .+/u);
});
