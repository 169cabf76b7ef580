// The node and the trigger in real n8n, with `florence serve` and its box model
// behind them, and a scripted model where the box has no such task.
//
//   npm run test:n8n                     FLORENCE_N8N_CACHE says where n8n is kept
//   npm run test:n8n -- trigger          groups of cases, by name
//   npm run test:n8n -- --if-changed     nothing, if nothing it tests has changed

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { STREET } from "../fakes/scripted-answers.ts";
import { startLoopbackService } from "../http/loopback-service.ts";
import { startNodeTarget } from "../server/node-target.ts";
import { AGENTS } from "./agent-cases.ts";
import { createBench, type CaseGroup, type Services } from "./bench.ts";
import { EDITOR } from "./editor-cases.ts";
import { ERRORS } from "./error-cases.ts";
import { workflowOf } from "./flows.ts";
import { startFront } from "./front.ts";
import { INPUTS } from "./input-cases.ts";
import { installN8n, installTools } from "./installed-trees.ts";
import { hashToday, isRunDue, noteGreenRun } from "./last-green.ts";
import { LOAD } from "./load-cases.ts";
import {
  importInto,
  installPackage,
  startN8n,
  type N8n,
  type N8nOptions,
} from "./n8n-process.ts";
import { OPERATIONS } from "./operation-cases.ts";
import { OPTION_CASES } from "./option-cases.ts";
import { OUTPUTS } from "./output-cases.ts";
import { makeTarball } from "./package-tarball.ts";
import { printTable, startTally } from "./tally.ts";
import { TRIGGER } from "./trigger-cases.ts";
import { TRIGGER_EVENTS } from "./trigger-event-cases.ts";
import { WORKFLOWS } from "./workflow-cases.ts";

const GROUPS: Readonly<Record<string, CaseGroup>> = {
  editor: EDITOR,
  operations: OPERATIONS,
  inputs: INPUTS,
  options: OPTION_CASES,
  outputs: OUTPUTS,
  errors: ERRORS,
  load: LOAD,
  trigger: TRIGGER,
  events: TRIGGER_EVENTS,
  workflows: WORKFLOWS,
  agent: AGENTS,
};

/** The service that a workflow asks. */
const serverOf: ReadonlyMap<string, string> = new Map(
  Object.values(GROUPS).flatMap(({ flows = [] }) =>
    flows.map(({ id, credential }) => [id, credential] as const),
  ),
);

/** These run once more where n8n keeps files in its database. */
const WITH_FILES = ["outputs", "events"];

/** Where the browser of a person would find it, and the port after it. */
const PORT = Number(process.env["FLORENCE_N8N_PORT"] ?? 5688);

const given = process.argv.slice(2);
const IF_CHANGED = "--if-changed";
const named = given.filter((one) => one !== IF_CHANGED);
const unknown = named.filter((name) => !(name in GROUPS));
if (unknown.length > 0) {
  throw new Error(
    `There is no group ${unknown.join(", ")}; there are ${Object.keys(GROUPS).join(", ")}.`,
  );
}
if (given.includes(IF_CHANGED) && !isRunDue()) {
  console.log("0 passed, 0 failed");
} else await runAll(named.length === 0 ? Object.keys(GROUPS) : named);

async function runAll(names: readonly string[]): Promise<void> {
  const inputs = hashToday();
  const tree = installN8n();
  const folder = mkdtempSync(join(tmpdir(), "florence-n8n-"));
  const packed = join(folder, "packed");
  const userFolder = join(folder, "user");
  mkdirSync(packed);
  mkdirSync(userFolder);
  const tarball = await makeTarball(installTools(), packed);
  const services = await startServices();
  const options: N8nOptions = {
    tree,
    userFolder,
    port: PORT,
    binaryMode: "filesystem",
  };
  const tally = startTally();
  try {
    installPackage(userFolder, tarball);
    importAll(options, services);
    await runGroups(names, options, services, tally);
    const again = names.filter((name) => WITH_FILES.includes(name));
    const inDatabase = { ...options, binaryMode: "default" } as const;
    if (again.length > 0) {
      await runGroups(again, inDatabase, services, tally);
    }
  } finally {
    const { box, scripted, front, scriptedFront } = services;
    await Promise.all([front.close(), scriptedFront.close()]);
    await Promise.all([box.close(), scripted.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
  printTable(["operation", "photo", "server", "items out", "ms"], tally.rows);
  for (const failure of tally.failures) console.log(failure);
  console.log(`${tally.passed} passed, ${tally.failures.length} failed`);
  if (tally.failures.length > 0) process.exitCode = 1;
  else if (names.length === Object.keys(GROUPS).length) {
    noteGreenRun(inputs, tally.passed);
  }
}

/** Runs groups in an n8n of their own. */
async function runGroups(
  names: readonly string[],
  options: N8nOptions,
  services: Services,
  tally: ReturnType<typeof startTally>,
): Promise<void> {
  let n8n: N8n = await startN8n(options);
  const bench = createBench({
    ...services,
    ...options,
    n8n: () => n8n,
    test: tally.test,
    row: tally.row,
    serverOf: (id) => serverOf.get(id) ?? "",
    restart: async (meanwhile) => {
      await n8n.end();
      meanwhile?.();
      n8n = await startN8n(options);
    },
  });
  try {
    for (const name of names) await GROUPS[name]?.check(bench);
  } finally {
    await n8n.end();
    const kept = process.env["FLORENCE_N8N_LOG"];
    if (kept !== undefined) writeFileSync(kept, n8n.log());
  }
}

async function startServices(): Promise<Services> {
  const box = await startNodeTarget();
  const scripted = await startLoopbackService({
    script: STREET,
    config: { open_mode: false },
  });
  return {
    box,
    scripted,
    front: await startFront(box.origin),
    scriptedFront: await startFront(scripted.origin),
  };
}

/** Workflows and credentials of all groups, whichever of them run. */
function importAll(options: N8nOptions, services: Services): void {
  const { box, scripted, front, scriptedFront } = services;
  const credential = (id: string, baseUrl: string, apiKey: string) => ({
    id,
    name: id,
    type: "florenceApi",
    data: { baseUrl, apiKey },
  });
  importInto(options, "credentials", [
    credential("box", `${box.origin}/`, box.keys.first),
    credential("front", front.origin, box.keys.first),
    credential("scripted", scripted.origin, scripted.keys.first),
    credential("scriptedFront", scriptedFront.origin, scripted.keys.first),
    credential("wrongkey", box.origin, "fk_none_of_ours"),
    credential("down", "http://127.0.0.1:9", "fk_any"),
    credential("stranger", `http://127.0.0.1:${PORT}`, "fk_any"),
  ]);
  const groups = Object.values(GROUPS);
  importInto(options, "workflow", [
    ...groups.flatMap(({ flows = [] }) => flows.map(workflowOf)),
    ...groups.flatMap(({ workflows = [] }) => workflows),
  ]);
}
