// Tokens of a configured issuer: taken when everything is right, refused for
// each thing that is not.

import assert from "node:assert/strict";
import {
  createHmac,
  createSign,
  generateKeyPairSync,
  KeyObject,
} from "node:crypto";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from "jose";
import type { Outbound } from "../../src/http/ports/outbound.ts";
import { createKeyedService, type KeyedService } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

const NOW_MS = Date.UTC(2026, 10, 25);
const NOW = NOW_MS / 1000;
const JWT = {
  jwks_url: "https://issuer.test/keys",
  issuer: "https://issuer.test/",
  audience: "florence",
};
const CLAIMS = {
  iss: JWT.issuer,
  aud: JWT.audience,
  sub: "user-1",
  exp: NOW + 60,
  tenant: "acme",
  scope: "openid analyze jobs",
};

const pairs = {
  RS256: await generateKeyPair("RS256", { extractable: true }),
  ES256: await generateKeyPair("ES256", { extractable: true }),
  EdDSA: await generateKeyPair("EdDSA", { extractable: true }),
};
const strangers = {
  RS256: await generateKeyPair("RS256", { extractable: true }),
  ES256: await generateKeyPair("ES256", { extractable: true }),
  EdDSA: await generateKeyPair("EdDSA", { extractable: true }),
};
type Algorithm = keyof typeof pairs;
const ALGORITHMS = Object.keys(pairs) as readonly Algorithm[];

const jwks = {
  keys: await Promise.all(
    ALGORITHMS.map(async (alg) => ({
      ...(await exportJWK(pairs[alg].publicKey)),
      alg,
      kid: alg,
      use: "sig",
    })),
  ),
};

interface Issuer extends Outbound {
  asked: number;
}

/** Shows `answer()` wherever it is asked for the configured address. */
function issuer(answer: () => Promise<Response> | Response): Issuer {
  const made: Issuer = {
    asked: 0,
    async fetch(request) {
      assert.equal(request.url, JWT.jwks_url);
      assert.equal(request.method, "GET");
      made.asked += 1;
      return await answer();
    },
  };
  return made;
}

async function serviceOf(
  outbound: Outbound = issuer(() => Response.json(jwks)),
  jwt: object = JWT,
): Promise<KeyedService> {
  return await createKeyedService({
    now: () => NOW_MS,
    outbound,
    config: { jwt: { ...JWT, ...jwt } },
  });
}

async function sign(
  alg: Algorithm,
  claims: JWTPayload | Record<string, unknown> = CLAIMS,
  header: Record<string, unknown> = {},
  keys: Readonly<Record<Algorithm, { privateKey: CryptoKey }>> = pairs,
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg, kid: alg, ...header })
    .sign(keys[alg].privateKey);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** `alg: none`, and the many spellings that have let it through elsewhere. */
function unsigned(): string[] {
  const payload = encode(CLAIMS);
  return ["none", "None", "NONE", "nOnE", "", "null", null, undefined].flatMap(
    (alg) => [
      `${encode({ alg, typ: "JWT" })}.${payload}.`,
      `${encode({ alg, kid: "RS256" })}.${payload}.AAAA`,
    ],
  );
}

/** HMACs by what everybody knows: the issuer's public keys. */
async function hmacs(): Promise<string[]> {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const secrets = [
    JSON.stringify(jwks),
    JSON.stringify(jwks.keys[0]),
    String((await exportJWK(pairs.RS256.publicKey)).n),
    String((await exportJWK(pairs.EdDSA.publicKey)).x),
    publicKey.export({ type: "spki", format: "pem" }).toString(),
    "",
    "secret",
  ];
  return secrets.flatMap((secret) =>
    (["HS256", "HS384", "HS512"] as const).map((alg) => {
      const signed = `${encode({ alg, kid: "RS256" })}.${encode(CLAIMS)}`;
      const hmac = createHmac(`sha${alg.slice(2)}`, secret).update(signed);
      return `${signed}.${hmac.digest("base64url")}`;
    }),
  );
}

test("takes a token of the issuer in each way it may be signed", async () => {
  const outbound = issuer(() => Response.json(jwks));
  const { ask } = await serviceOf(outbound);
  for (const alg of ALGORITHMS) {
    const response = await ask(await sign(alg), "/v1/tasks");
    assert.equal(response.status, 200, alg);
    assert.ok(response.headers.has("RateLimit"));
  }
  assert.equal(outbound.asked, 1);
});

test("takes of its scopes those that are ours", async () => {
  const { ask } = await serviceOf();
  const none = await sign("ES256", { ...CLAIMS, scope: "openid analyzer" });
  const { detail } = await readProblem(
    await ask(none, "/v1/tasks"),
    "forbidden",
  );
  assert.match(detail, /this key has none/u);
  const listed = await sign("ES256", { ...CLAIMS, scope: ["analyze"] });
  await readProblem(await ask(listed, "/v1/tasks"), "forbidden");
});

test("reads the tenant from the configured claim", async () => {
  const { ask } = await serviceOf(undefined, { tenant_claim: "org" });
  const token = await sign("EdDSA", { ...CLAIMS, org: "acme" });
  assert.equal((await ask(token, "/v1/tasks")).status, 200);
  const without = await ask(await sign("EdDSA"), "/v1/tasks");
  const { detail } = await readProblem(without, "unauthenticated");
  assert.match(detail, /org names no tenant/u);
});

test("keeps two tenants' users of one name apart", async () => {
  const { ask } = await serviceOf();
  const remaining = async (tenant: string) => {
    const token = await sign("ES256", { ...CLAIMS, tenant });
    const response = await ask(token, "/v1/tasks");
    return response.headers.get("RateLimit");
  };
  assert.equal(await remaining("acme"), '"default";r=599;t=60');
  assert.equal(await remaining("acme"), '"default";r=598;t=60');
  assert.equal(await remaining("other"), '"default";r=599;t=60');
});

test("refuses every forged, foreign and outdated token", async () => {
  const { ask } = await serviceOf();
  const good = await sign("RS256");
  const [head, body, signature] = good.split(".");
  const flipped = signature!.startsWith("A") ? "B" : "A";
  const es = (await sign("ES256")).split(".");
  const forged: string[] = [
    ...unsigned(),
    ...(await hmacs()),
    // Taken apart and put together.
    `${head!}.${body!}.`,
    `${head!}.${body!}.${flipped}${signature!.slice(1)}`,
    `${head!}.${body!}.${signature!.slice(0, -4)}`,
    `${head!}.${encode({ ...CLAIMS, tenant: "victim" })}.${signature!}`,
    `${head!}.${encode({ ...CLAIMS, scope: "admin" })}.${signature!}`,
    `${es[0]!}.${body!}.${signature!}`,
    `${head!}.${es[1]!}.${es[2]!}`,
    `${head!}.e30.${signature!}`,
    `${head!}.bm8.${signature!}`,
    `e30.${body!}.${signature!}`,
    `W10.${body!}.${signature!}`,
    `bm8.${body!}.${signature!}`,
    // An ES256 signature of zeros (CVE-2022-21449).
    `${es[0]!}.${es[1]!}.${Buffer.alloc(64).toString("base64url")}`,
    `${es[0]!}.${es[1]!}.${Buffer.alloc(63).toString("base64url")}`,
    // Keys that the token itself brings, or points at.
    ...(await Promise.all(
      ALGORITHMS.flatMap((alg) => [
        sign(alg, CLAIMS, {}, strangers),
        sign(alg, CLAIMS, { kid: "unknown" }, strangers),
        sign(alg, CLAIMS, { kid: "../../keys" }, strangers),
        sign(alg, CLAIMS, { jku: "https://evil.test/keys" }, strangers),
        exportJWK(strangers[alg].publicKey).then((jwk) =>
          sign(alg, CLAIMS, { jwk, kid: "own" }, strangers),
        ),
      ]),
    )),
    // An extension that must be understood, and is not.
    `${encode({ alg: "RS256", kid: "RS256", crit: ["exp"], exp: 1 })}.${body!}.${signature!}`,
    // Another hash by the right key.
    rs512(),
  ];
  const wrongClaims: readonly Record<string, unknown>[] = [
    { exp: NOW - 6 },
    { exp: 0 },
    { exp: undefined },
    { exp: "tomorrow" },
    { exp: null },
    { nbf: NOW + 60 },
    { nbf: "now" },
    { iss: "https://evil.test/" },
    { iss: "https://issuer.test" },
    { iss: undefined },
    { iss: [JWT.issuer] },
    { aud: "another" },
    { aud: undefined },
    { aud: [] },
    { aud: ["another", "third"] },
    { aud: { florence: true } },
    { sub: undefined },
    { sub: "" },
    { sub: "two words" },
    { sub: "s".repeat(201) },
    { sub: 7 },
    { tenant: undefined },
    { tenant: "" },
    { tenant: "a/b" },
    { tenant: "../other" },
    { tenant: "a b" },
    { tenant: "t".repeat(65) },
    { tenant: ["acme"] },
    { tenant: { acme: 1 } },
    { tenant: 7 },
    { tenant: "admin" },
  ];
  for (const claims of wrongClaims) {
    forged.push(await sign("ES256", { ...CLAIMS, ...claims }));
  }
  assert.ok(forged.length >= 80, String(forged.length));
  for (const token of forged) {
    const response = await ask(token, "/v1/tasks");
    const { detail } = await readProblem(response, "unauthenticated");
    assert.equal(response.headers.get("WWW-Authenticate"), "Bearer");
    assert.ok(!detail.includes(token));
  }
  assert.equal((await ask(good, "/v1/tasks")).status, 200);
});

test("says what is wrong with a token", async () => {
  const { ask } = await serviceOf();
  const detailOf = async (token: string) =>
    (await readProblem(await ask(token, "/v1/tasks"), "unauthenticated"))
      .detail;
  const old = await sign("ES256", { ...CLAIMS, exp: NOW - 60 });
  assert.match(await detailOf(old), /has expired/u);
  const foreign = await sign("ES256", { ...CLAIMS, aud: "x" });
  assert.match(await detailOf(foreign), /aud is missing or is not/u);
  assert.match(await detailOf((await hmacs())[0]!), /RS256, ES256, EdDSA/u);
});

test("does not take a token without an issuer", async () => {
  const { ask } = await createKeyedService({ now: () => NOW_MS });
  await readProblem(
    await ask(await sign("RS256"), "/v1/tasks"),
    "unauthenticated",
  );
});

test("takes API keys beside tokens", async () => {
  const { ask, makeKey } = await serviceOf();
  assert.equal((await ask((await makeKey()).secret, "/v1/tasks")).status, 200);
});

test("says so, and tries again, where the issuer shows no keys", async () => {
  const answers: (() => Response)[] = [
    () => {
      throw new Error("connection refused");
    },
    () => new Response("no", { status: 500 }),
    () => new Response(null, { status: 302, headers: { Location: "/x" } }),
    () => new Response("<html>"),
    () => Response.json({ keys: "none" }),
  ];
  const failures = answers.length;
  const outbound = issuer(() => answers.shift()?.() ?? Response.json(jwks));
  const { ask } = await serviceOf(outbound);
  const token = await sign("RS256");
  for (let count = 0; count < failures; count += 1) {
    const response = await ask(token, "/v1/tasks");
    const problem = await readProblem(response, "engine_unavailable");
    assert.ok(problem.retryable);
    assert.ok(response.headers.has("Retry-After"));
    assert.ok(!problem.detail.includes("issuer.test"));
  }
  assert.equal((await ask(token, "/v1/tasks")).status, 200);
});

function rs512(): string {
  const head = encode({ alg: "RS512", kid: "RS256" });
  const signed = `${head}.${encode(CLAIMS)}`;
  const signer = createSign("RSA-SHA512").update(signed);
  const privateKey = KeyObject.from(pairs.RS256.privateKey);
  return `${signed}.${signer.sign(privateKey).toString("base64url")}`;
}
