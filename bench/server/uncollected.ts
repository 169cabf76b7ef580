// Why the local workerd process grows under load, and how much of it is ours.
//
//   node bench/server/uncollected.ts [REQUESTS]     of each series, 500
//
// What a request leaves in an isolate (its streams, bodies, contexts) hangs on
// JavaScript objects that only a whole collection lets go, and local workerd sets
// its isolates no limit that would bring one about. So the same requests are made
// twice: left alone, and with whole collections. Growth that the second does not
// have is garbage, not a leak.
//
//   plain workerd   a Worker of a few lines: none of our code, no Miniflare;
//                   gc() is called after each series
//   same I/O        the same Worker in Miniflare, with a database
//   ours            the product's Worker in Miniflare, a question it refuses
//
// In Miniflare several isolates take part (its entry, the database, the limiter);
// there V8 is told to make every collection a whole one (--gc-global).

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { printMachine } from "../report.ts";
import {
  watchWorkerd,
  workerdProcesses,
  type WorkerProcess,
} from "../../test/workerd/worker-process.ts";
import { startWorkerdTarget } from "../../test/workerd/workerd-target.ts";

const requests = Number(process.argv[2] ?? 500);
const CALLERS = 4;
const SERIES = 4;

/** The program that Miniflare brings. */
const { default: WORKERD } = createRequire(import.meta.url)("workerd") as {
  readonly default: string;
};

const IO_WORKER = fileURLToPath(new URL("io-worker.js", import.meta.url));
const PHOTO = readFileSync(
  new URL("../../examples/photos/street.jpg", import.meta.url),
);

interface Subject {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  residentBytes(): number;
  /** Collects what can be collected; left out where nothing does. */
  collect?(): Promise<void>;
  close(): Promise<void>;
}

type Start = (flags: readonly string[]) => Promise<Subject>;

const SUBJECTS: readonly (readonly [string, Start, string])[] = [
  ["plain workerd", startPlain, "--expose-gc"],
  ["same I/O", startSameIo, "--gc-global"],
  ["ours", startOurs, "--gc-global"],
];

printMachine();
console.log(
  `${SERIES} series of ${requests} requests with a photo of ${PHOTO.length} bytes; resident MB, KiB a request of the last two series`,
);
const grew = new Map<string, number>();
for (const [name, start, collecting] of SUBJECTS) {
  grew.set(name, await measure(`${name}, left alone`, start, []));
  await measure(`${name}, ${collecting}`, start, [collecting]);
}
const ratio = grew.get("ours")! / grew.get("same I/O")!;
console.log(`ours against the same I/O, left alone: ${ratio.toFixed(2)}`);

/** Growth of a request in KiB, over the last two series. */
async function measure(
  name: string,
  start: Start,
  flags: readonly string[],
): Promise<number> {
  const subject = await start(flags);
  try {
    const bytes: number[] = [];
    for (let series = 0; series < SERIES; series += 1) {
      await askMany(subject);
      await subject.collect?.();
      bytes.push(subject.residentBytes());
    }
    const each = (bytes.at(-1)! - bytes.at(-3)!) / 1024 / (2 * requests);
    const all = bytes.map((one) => (one / 1e6).toFixed(1).padStart(7)).join("");
    console.log(`${name.padEnd(30)}${all}${each.toFixed(1).padStart(8)} KiB`);
    return each;
  } finally {
    await subject.close();
  }
}

async function askMany({ url, headers = {} }: Subject): Promise<void> {
  const ask = async (): Promise<void> => {
    const body = new FormData();
    body.set("image", new Blob([PHOTO], { type: "image/jpeg" }));
    body.set("request", '{"tasks":[{"task":"none"}]}');
    const response = await fetch(url, { method: "POST", headers, body });
    const text = await response.text();
    if (response.status !== 422) throw new Error(text);
  };
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (let turn = 0; turn < requests / CALLERS; turn += 1) await ask();
    }),
  );
}

/** workerd by itself. */
async function startPlain(flags: readonly string[]): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "florence-plain-"));
  const port = await freePort();
  writeFileSync(join(folder, "worker.js"), readFileSync(IO_WORKER));
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "worker.js")],
    compatibilityDate = "2026-10-01"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
  v8Flags = ${JSON.stringify(flags)});
`,
  );
  const before = new Set(workerdProcesses());
  const child = spawn(WORKERD, ["serve", join(folder, "config.capnp")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = new URL(`http://127.0.0.1:${port}/`);
  const own = watchWorkerd(url, before, async () => {
    await end(child);
    rmSync(folder, { recursive: true });
  });
  await untilListening(url, child);
  return {
    ...subjectOf(own),
    ...(flags.includes("--expose-gc") && {
      collect: async () => {
        await (await fetch(new URL("/gc", url))).text();
      },
    }),
  };
}

/** The same Worker where ours runs. */
async function startSameIo(flags: readonly string[]): Promise<Subject> {
  tellV8(flags);
  const before = new Set(workerdProcesses());
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      handleStructuredLogs: () => undefined,
      workers: [
        {
          name: "same-io",
          modules: true,
          scriptPath: IO_WORKER,
          compatibilityDate: "2026-10-01",
          d1Databases: ["DATABASE"],
        },
      ],
    }),
  );
  const url = await miniflare.ready;
  return subjectOf(watchWorkerd(url, before, () => miniflare.dispose()));
}

async function startOurs(flags: readonly string[]): Promise<Subject> {
  tellV8(flags);
  const { worker, keys } = await startWorkerdTarget();
  return {
    ...subjectOf(worker),
    url: new URL("/v1/analyze", worker.url),
    headers: { Authorization: `Bearer ${keys.first}` },
  };
}

function subjectOf(own: WorkerProcess): Subject {
  return {
    url: own.url,
    residentBytes: () => own.memory()?.residentBytes ?? Number.NaN,
    close: () => own.close(),
  };
}

/** Miniflare takes V8's flags from the environment only. */
function tellV8(flags: readonly string[]): void {
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] = flags.join(" ");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilListening(url: URL, child: ChildProcess): Promise<void> {
  for (;;) {
    try {
      await (await fetch(url)).text();
      return;
    } catch (cause) {
      if (child.exitCode !== null) {
        throw new Error("workerd ended at its start", { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "close");
  child.kill();
  await ended;
}
