// What one tenant has, no other can see, use or end: a row for every operation
// whose path has an id. For another tenant an id is as one that never was.

import assert from "node:assert/strict";
import { sql } from "../../../src/http/ports/database.ts";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { PHOTO } from "./image-server.ts";

/** A request as one tenant. */
type Ask = (path: string, init?: RequestInit) => Promise<Response>;

type Write = HttpTarget["write"];

interface Asked {
  readonly path: string;
  readonly init?: RequestInit;
}

/** How an operation's resource is made, and asked for. */
export interface TenancyRow {
  /** `GET /v1/jobs/{id}`, and what of it if several rows have it. */
  readonly operation: string;
  /** Asked with keys of the scope `admin`. */
  readonly isAdmin?: boolean;
  /** What the other tenant is told. */
  readonly code?: "not_found" | "signature_invalid";
  /** Status that its owner may get, beside those of success. */
  readonly ownerMayGet?: number;
  /** Makes the resource as the first tenant. */
  make(
    ask: Ask,
    write: Write,
  ): Promise<{
    readonly id: string;
    /** Asked by both, unless `foreign` differs. */
    readonly own: Asked;
    readonly foreign?: Asked;
  }>;
}

const image = { base64: Buffer.from(PHOTO).toString("base64") };
const tasks = [{ task: "caption" }];

/** Operations of an id that need nothing but the id. */
function plain(
  method: string,
  path: string,
  make: (ask: Ask, write: Write) => Promise<string>,
  isAdmin = false,
): TenancyRow {
  return {
    operation: `${method} ${path}`,
    isAdmin,
    async make(ask, write) {
      const id = await make(ask, write);
      return { id, own: { path: path.replace("{id}", id), init: { method } } };
    },
  };
}

export const ROWS: readonly TenancyRow[] = [
  plain("GET", "/v1/jobs/{id}", makeJob),
  plain("GET", "/v1/jobs/{id}/events", makeEndedJob),
  // Its owner is told that it has ended, or ends it.
  { ...plain("DELETE", "/v1/jobs/{id}", makeJob), ownerMayGet: 409 },
  plain("GET", "/v1/uploads/{id}", makeUpload),
  {
    operation: "PUT /v1/uploads/{id}/content",
    code: "signature_invalid",
    make: (ask) => makeSigned(ask, "PUT"),
  },
  {
    operation: "GET /v1/uploads/{id}/content",
    code: "signature_invalid",
    make: (ask) => makeSigned(ask, "GET"),
  },
  {
    operation: "POST /v1/analyze with image.upload_id",
    async make(ask) {
      const id = await makeUpload(ask);
      return { id, own: analysisOf({ upload_id: id }) };
    },
  },
  {
    operation: "POST /v1/analyze with image.feature_id",
    async make(ask) {
      const { path, init } = analysisOf(image);
      const answer = await read(await ask(path, init));
      const { feature_id: id } = answer["image"] as { feature_id: string };
      return { id, own: analysisOf({ feature_id: id }) };
    },
  },
  {
    operation: "POST /v1/jobs with callback.endpoint_id",
    async make(ask) {
      const id = await makeEndpoint(ask);
      const body = { image, tasks, callback: { endpoint_id: id } };
      return { id, own: { path: "/v1/jobs", init: json(body) } };
    },
  },
  plain("GET", "/v1/webhook-endpoints/{id}", makeEndpoint),
  plain("DELETE", "/v1/webhook-endpoints/{id}", makeEndpoint),
  plain("POST", "/v1/webhook-endpoints/{id}/test", makeEndpoint),
  plain("POST", "/v1/webhook-endpoints/{id}/rotate", makeEndpoint),
  plain("GET", "/v1/webhook-endpoints/{id}/deliveries", makeEndpoint),
  plain("POST", "/v1/deliveries/{id}/replay", makeDelivery),
  plain("POST", "/v1/dead-events/{id}/replay", makeDeadEvent),
  plain("GET", "/v1/analyses/{id}", makeAnalysis),
  plain("DELETE", "/v1/analyses/{id}", makeAnalysis),
  plain("GET", "/v1/keys/{id}", makeKey, true),
  plain("DELETE", "/v1/keys/{id}", makeKey, true),
];

/** Nobody listens there; the targets exempt the host from the address rules. */
const NOWHERE = "http://127.0.0.1:9/";

export const CASES: readonly HttpCase[] = [
  ...ROWS.map((row): HttpCase => ({
    name: `hides from another tenant: ${row.operation}`,
    run: (target) => holdsRow(row, target),
  })),
  {
    name: "lists to each tenant what it has itself",
    async run(target) {
      const [first, second] = await callers(target, false);
      const endpoint = await makeEndpoint(first);
      const own = await first("/v1/webhook-endpoints");
      assert.ok((await own.text()).includes(endpoint));
      const others = await second("/v1/webhook-endpoints");
      assert.equal(others.status, 200);
      assert.ok(!(await others.text()).includes(endpoint));

      const [admin, otherAdmin] = await callers(target, true);
      const key = await makeKey(admin);
      assert.ok((await (await admin("/v1/keys")).text()).includes(key));
      const otherKeys = await otherAdmin("/v1/keys");
      assert.equal(otherKeys.status, 200);
      assert.ok(!(await otherKeys.text()).includes(key));
    },
  },
  {
    name: "answers a job about another tenant's upload with a problem",
    async run(target) {
      const [first, second] = await callers(target, false);
      const upload = await makeUpload(first);
      const made = await second(
        "/v1/jobs",
        json({ image: { upload_id: upload }, tasks }),
      );
      // Refused at once, or when it is looked at.
      if (made.status === 404) return;
      const job = await ended(second, await idOf(made));
      assert.equal(job["status"], "failed", JSON.stringify(job));
      assert.match(JSON.stringify(job["results"]), /"code":"not_found"/u);
    },
  },
];

async function holdsRow(row: TenancyRow, target: HttpTarget): Promise<void> {
  const [first, second] = await callers(target, row.isAdmin ?? false);
  const {
    id,
    own,
    foreign = own,
  } = await row.make(first, (statement) => target.write(statement));
  const code = row.code ?? "not_found";
  const hidden = await problem(await second(foreign.path, foreign.init), code);

  // Nothing tells it from an id that never was.
  const never = `${id.slice(0, -4)}0000`;
  const body = foreign.init?.body;
  const absent = await problem(
    await second(foreign.path.replaceAll(id, never), {
      ...foreign.init,
      ...(typeof body === "string" && { body: body.replaceAll(id, never) }),
    }),
    code,
  );
  assert.equal(hidden.replaceAll(id, never), absent);

  const response = await first(own.path, own.init);
  await response.body?.cancel();
  assert.ok(
    response.ok || response.status === row.ownerMayGet,
    `its owner: ${response.status}`,
  );
}

/** The two tenants. */
async function callers(
  target: HttpTarget,
  isAdmin: boolean,
): Promise<readonly [Ask, Ask]> {
  const as =
    (key: string): Ask =>
    async (path, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${key}`);
      return await target.fetch(path, { ...init, headers });
    };
  if (!isAdmin) return [as(target.keys.first), as(target.keys.second)];
  const make = async (tenant: string): Promise<Ask> => {
    const response = await as(target.keys.admin)(
      "/v1/keys",
      json({ tenant, scopes: ["admin"] }),
    );
    return as(String((await read(response))["key"]));
  };
  return [await make("first"), await make("second")];
}

async function makeJob(ask: Ask): Promise<string> {
  return await idOf(await ask("/v1/jobs", json({ image, tasks })));
}

async function makeEndedJob(ask: Ask): Promise<string> {
  const id = await makeJob(ask);
  await ended(ask, id);
  return id;
}

async function ended(ask: Ask, id: string): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 600; tries += 1) {
    const job = await read(await ask(`/v1/jobs/${id}`));
    if (job["status"] !== "queued" && job["status"] !== "running") return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`job ${id} does not end`);
}

async function makeUpload(ask: Ask): Promise<string> {
  const { uploadId, path } = await announced(ask);
  const response = await ask(path, photo("PUT"));
  assert.equal(response.status, 200, await response.text());
  return uploadId;
}

/** An upload's address, and the same signature at another upload's. */
async function makeSigned(
  ask: Ask,
  method: "GET" | "PUT",
): ReturnType<TenancyRow["make"]> {
  const one = await announced(ask);
  const other = await announced(ask);
  const init = method === "PUT" ? photo("PUT") : {};
  let own = one.path;
  if (method === "GET") {
    // The address to read by is signed for reading.
    const kept = await ask(one.path, photo("PUT"));
    own = pathOf(String((await read(kept))["image_url"]));
  }
  const signature = new URL(own, "http://a").search;
  const foreign = `/v1/uploads/${other.uploadId}/content${signature}`;
  return {
    id: other.uploadId,
    own: { path: own, init },
    foreign: { path: foreign, init },
  };
}

async function announced(
  ask: Ask,
): Promise<{ readonly uploadId: string; readonly path: string }> {
  const made = await read(await ask("/v1/uploads", { method: "POST" }));
  const { upload_id: uploadId, url } = made;
  return { uploadId: String(uploadId), path: pathOf(String(url)) };
}

async function makeEndpoint(ask: Ask): Promise<string> {
  const body = { url: NOWHERE, events: ["analysis.completed"] };
  return await idOf(await ask("/v1/webhook-endpoints", json(body)));
}

async function makeDelivery(ask: Ask): Promise<string> {
  const endpoint = await makeEndpoint(ask);
  await makeEndedJob(ask);
  const list = await read(
    await ask(`/v1/webhook-endpoints/${endpoint}/deliveries`),
  );
  const [delivery] = list["data"] as readonly { readonly id: string }[];
  assert.ok(delivery !== undefined, JSON.stringify(list));
  return delivery.id;
}

/** Of a picture that is not there any more, which is no fault. */
async function makeDeadEvent(_ask: Ask, write: Write): Promise<string> {
  const id = `dead_${crypto.randomUUID()}`;
  const event = {
    action: "PutObject",
    bucket: "florence-bucket",
    object: { key: `first/${id}.jpg`, size: 1, eTag: id },
    eventTime: "2024-05-24T19:36:44.379Z",
  };
  await write(
    sql`INSERT INTO dead_events (id, tenant, source_key, body, problem,
        body_sha256, died_ms)
      VALUES (${id}, 'first', ${event.object.key}, ${JSON.stringify(event)},
        '{}', ${id}, ${Date.now()})`,
  );
  return id;
}

async function makeAnalysis(ask: Ask): Promise<string> {
  const body = { image, tasks, options: { store: true } };
  return await idOf(await ask("/v1/analyze", json(body)));
}

async function makeKey(ask: Ask): Promise<string> {
  return await idOf(await ask("/v1/keys", json({ scopes: ["analyze"] })));
}

function analysisOf(ofImage: object): Asked {
  return { path: "/v1/analyze", init: json({ image: ofImage, tasks }) };
}

function json(body: unknown): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

function photo(method: string): RequestInit {
  const headers = { "Content-Type": "image/jpeg" };
  return { method, headers, body: PHOTO };
}

function pathOf(address: string): string {
  const { pathname, search } = new URL(address);
  return pathname + search;
}

async function idOf(response: Response): Promise<string> {
  return String((await read(response))["id"]);
}

async function read(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** What a problem says. */
async function problem(response: Response, code: string): Promise<string> {
  const text = await response.text();
  const status = code === "not_found" ? 404 : 403;
  assert.equal(response.status, status, text);
  const said = JSON.parse(text) as { code: string; detail: string };
  assert.equal(said.code, code);
  return said.detail;
}
