import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { sql } from "../../../src/http/ports/database.ts";
import { createKeyedService } from "../keyed-service.ts";
import { readProblem } from "../requests.ts";
import { startWebhookService } from "./webhook-service.ts";

const EVENTS = ["analysis.completed"];
const PATH = "/v1/webhook-endpoints";

interface Endpoint {
  readonly id: string;
  readonly secret?: string;
  readonly events: readonly string[];
  readonly filter: object;
}

test("registers an address once for a key, with the secret it has", async () => {
  const { request, host } = await startWebhookService();
  const body = { url: "https://n8n.example/hook", events: EVENTS };
  const first = await request("POST", PATH, body);
  assert.equal(first.status, 201, await first.clone().text());
  const made = (await first.json()) as Endpoint;
  assert.match(made.secret ?? "", /^whsec_[\w+/]{43}=$/u);
  assert.deepEqual(made.filter, {});

  const filter = { sources: ["upload"], tasks: ["caption", "ocr:lines"] };
  const again = await request("POST", PATH, { ...body, filter });
  assert.equal(again.status, 200);
  const same = (await again.json()) as Endpoint;
  assert.equal(same.id, made.id);
  assert.equal(same.secret, made.secret);
  assert.deepEqual(same.filter, filter);

  const list = (await (await request("GET", PATH)).json()) as {
    readonly data: readonly Endpoint[];
    readonly callback_secret: string;
  };
  assert.deepEqual(
    list.data.map(({ id, secret }) => [id, secret]),
    [[made.id, undefined]],
  );
  assert.match(list.callback_secret, /^whsec_/u);

  const rows = await host.database.all(sql`SELECT * FROM webhook_endpoints`);
  assert.ok(!JSON.stringify(rows).includes(made.secret!.slice(6)));
});

test("deletes an endpoint, and then does not know it", async () => {
  const { request } = await startWebhookService();
  const body = { url: "https://n8n.example/hook", events: EVENTS };
  const { id } = (await (await request("POST", PATH, body)).json()) as Endpoint;
  assert.equal((await request("GET", `${PATH}/${id}`)).status, 200);
  assert.equal((await request("DELETE", `${PATH}/${id}`)).status, 204);
  for (const [method, path] of [
    ["GET", `${PATH}/${id}`],
    ["DELETE", `${PATH}/${id}`],
    ["POST", `${PATH}/${id}/test`],
    ["POST", `${PATH}/${id}/rotate`],
    ["GET", `${PATH}/${id}/deliveries`],
    ["POST", "/v1/deliveries/msg_unknown/replay"],
  ] as const) {
    await readProblem(await request(method, path), "not_found");
  }
});

test("shows an endpoint to its tenant only, and a new one to another key", async () => {
  const { ask, makeKey } = await createKeyedService();
  const one = (await makeKey()).secret;
  const colleague = (await makeKey()).secret;
  const other = (await makeKey({ tenant: "two" })).secret;
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ url: "https://n8n.example/a", events: EVENTS }),
  };
  const made = (await (await ask(one, PATH, init)).json()) as Endpoint;
  const another = await ask(colleague, PATH, init);
  assert.equal(another.status, 201);
  assert.notEqual(((await another.json()) as Endpoint).id, made.id);

  const seen = await ask(colleague, `${PATH}/${made.id}`);
  assert.equal(seen.status, 200);
  await readProblem(await ask(other, `${PATH}/${made.id}`), "not_found");
  const post = { method: "POST" };
  for (const path of ["test", "rotate"]) {
    const refused = await ask(other, `${PATH}/${made.id}/${path}`, post);
    await readProblem(refused, "not_found");
  }
  const removal = await ask(other, `${PATH}/${made.id}`, { method: "DELETE" });
  await readProblem(removal, "not_found");
  const list = (await (await ask(other, PATH)).json()) as { data: unknown[] };
  assert.deepEqual(list.data, []);
  const { secret: weak } = await makeKey({ scopes: ["analyze"] });
  await readProblem(await ask(weak, PATH), "forbidden");
  await readProblem(await ask(null, PATH), "unauthenticated");
});

test("refuses addresses and fields that cannot be, with a pointer", async () => {
  const { request } = await startWebhookService();
  const good = { url: "https://n8n.example/hook", events: EVENTS };
  const cases: readonly (readonly [object, string])[] = [
    [{ ...good, events: [] }, "/events"],
    [{ ...good, events: ["image.deleted"] }, "/events/0"],
    [{ ...good, filter: { tasks: ["vqa"] } }, "/filter/tasks/0"],
    [{ ...good, filter: { sources: ["nas"] } }, "/filter/sources/0"],
    [{ ...good, secret: "mine" }, "/secret"],
    [{ events: EVENTS }, "/url"],
  ];
  for (const [body, pointer] of cases) {
    const response = await request("POST", PATH, body);
    const { errors } = await readProblem(response, "invalid_request");
    assert.equal(errors?.[0]?.pointer, pointer);
  }
  for (const url of ["http://127.0.0.1/", "ftp://x.example/", "nonsense"]) {
    const response = await request("POST", PATH, { ...good, url });
    await readProblem(response, "url_forbidden");
  }
});

test("sends a signed test, and reports what the receiver answers", async () => {
  const started = await startWebhookService();
  const { request, received } = started;
  started.answer = () => new Response("thank you", { status: 202 });
  const body = { url: "https://n8n.example/hook", events: EVENTS };
  const { id, secret } = (await (
    await request("POST", PATH, body)
  ).json()) as Endpoint;
  const good = await request("POST", `${PATH}/${id}/test`);
  const report = (await good.json()) as Record<string, unknown>;
  assert.equal(report["delivered"], true);
  assert.equal(report["status"], 202);
  assert.equal(report["answer"], "thank you");
  const [sent] = received;
  const payload = new Webhook(secret!).verify(sent!.body, sent!.headers);
  assert.deepEqual(
    { ...(payload as object), timestamp: "" },
    { type: "endpoint.test", timestamp: "", data: { endpoint_id: id } },
  );

  started.answer = () => Promise.reject(new Error("refused"));
  const bad = await request("POST", `${PATH}/${id}/test`);
  assert.equal(bad.status, 200);
  const failed = (await bad.json()) as Record<string, unknown>;
  assert.equal(failed["delivered"], false);
  assert.equal(failed["status"], null);
  assert.match(String(failed["error"]), /cannot be connected/u);
});

test("signs with both secrets for a day after a rotation", async () => {
  const { request, received, clock } = await startWebhookService();
  const body = { url: "https://n8n.example/hook", events: EVENTS };
  const made = (await (await request("POST", PATH, body)).json()) as Endpoint;
  const path = `${PATH}/${made.id}`;
  const rotated = (await (await request("POST", `${path}/rotate`)).json()) as {
    readonly secret: string;
    readonly previous_valid_until: string;
  };
  assert.notEqual(rotated.secret, made.secret);
  assert.equal(
    rotated.previous_valid_until,
    new Date(clock.nowMs + 24 * 3600_000).toISOString(),
  );
  await request("POST", `${path}/test`);
  for (const secret of [made.secret!, rotated.secret]) {
    new Webhook(secret).verify(received[0]!.body, received[0]!.headers);
  }
  clock.nowMs += 24 * 3600_000;
  await request("POST", `${path}/test`);
  const signatures = received[1]!.headers["webhook-signature"]!.split(" ");
  assert.equal(signatures.length, 1);
  const known = (await (await request("POST", PATH, body)).json()) as Endpoint;
  assert.equal(known.secret, rotated.secret);
});
