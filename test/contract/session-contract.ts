// What every host's ONNX runtime must hold behind the session interface.

import type {
  Session,
  SessionFactory,
} from "../../src/shared/model/session.ts";
import { check, checkEqual, checkRefused } from "./check.ts";
import { tinyGraph } from "./tiny-graph.ts";

/** One thing that must hold. */
export interface SessionCase {
  readonly name: string;
  run(sessions: SessionFactory): Promise<void>;
}

/** The cases, in an order of growing demands. */
export const SESSION_CONTRACT: readonly SessionCase[] = [
  {
    name: "multiplies by weights that lie outside the graph",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        checkEqual(session.inputNames, ["x"]);
        checkEqual(session.outputNames, ["y", "z"]);
        const { y, z } = await session.run({ x: row(1, 2, 3) });
        checkEqual(y!.dims, [1, 3]);
        checkEqual(await valuesOf(y!), [2, 4, 6]);
        checkEqual(await valuesOf(z!), [-2, -4, -6]);
      }),
  },
  {
    name: "gives only the outputs that are wanted",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        const outputs = await session.run(
          { x: row(1, 2, 3) },
          { outputs: ["z"] },
        );
        checkEqual(Object.keys(outputs), ["z"]);
      }),
  },
  {
    name: "takes back what it gave, and what was handed to it",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        const held = sessions.hold(row(1, 0, 5));
        const { y } = await session.run({ x: held });
        const { y: twice } = await session.run({ x: y! });
        checkEqual(await valuesOf(twice!), [4, 0, 20]);
        for (const tensor of [held, y!, twice!]) tensor.dispose();
      }),
  },
  {
    name: "takes batches of any size",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        for (const rows of [1, 3, 2]) {
          const data = new Float32Array(rows * 3).fill(1);
          const x = { type: "float32", dims: [rows, 3], data } as const;
          const { y } = await session.run({ x });
          checkEqual(y!.dims, [rows, 3]);
        }
      }),
  },
  {
    name: "keeps runs apart that are asked for at once",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        const inputs = [1, 2, 3, 4, 5, 6, 7, 8];
        const outputs = await Promise.all(
          inputs.map(async (value) => {
            const { y } = await session.run({ x: row(value, 0, 0) });
            return (await valuesOf(y!))[0];
          }),
        );
        checkEqual(
          outputs,
          inputs.map((value) => 2 * value),
        );
      }),
  },
  {
    name: "refuses feeds of another shape, and runs on",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        const data = Float32Array.of(1, 2);
        const wrong = { type: "float32", dims: [1, 2], data } as const;
        await checkRefused(session.run({ x: wrong }), "engine_bad_output");
        const { y } = await session.run({ x: row(1, 1, 1) });
        checkEqual(await valuesOf(y!), [2, 2, 2]);
      }),
  },
  {
    name: "refuses bytes that are no graph, and opens the next",
    run: async (sessions) => {
      const { weights } = tinyGraph(3);
      const graph = Uint8Array.of(1, 2, 3, 255, 255, 255);
      await checkRefused(sessions.open({ graph, weights }), "bundle_invalid");
      await withSession(sessions, async (session) => {
        await session.run({ x: row(1, 1, 1) });
      });
    },
  },
  {
    name: "refuses a graph whose weights are missing",
    run: async (sessions) => {
      const { graph } = tinyGraph(3);
      await checkRefused(
        sessions.open({ graph, weights: {} }),
        "bundle_invalid",
      );
    },
  },
  {
    name: "does not begin a run that was aborted",
    run: (sessions) =>
      withSession(sessions, async (session) => {
        const signal = AbortSignal.abort("enough");
        const run = session.run({ x: row(1, 1, 1) }, { signal });
        await checkRefused(run, "deadline_exceeded");
      }),
  },
  {
    name: "may be disposed twice, and does not run afterwards",
    run: async (sessions) => {
      const session = await sessions.open(tinyGraph(3));
      await session.dispose();
      await session.dispose();
      const outcome = await session.run({ x: row(1, 1, 1) }).then(
        () => "ran",
        () => "refused",
      );
      check(outcome === "refused", "a disposed session must not run");
    },
  },
];

async function withSession(
  sessions: SessionFactory,
  use: (session: Session) => Promise<void>,
): Promise<void> {
  const session = await sessions.open(tinyGraph(3));
  try {
    await use(session);
  } finally {
    await session.dispose();
  }
}

function row(...values: readonly number[]) {
  const data = Float32Array.from(values);
  return { type: "float32", dims: [1, values.length], data } as const;
}

async function valuesOf(held: {
  read(): Promise<{ readonly data: ArrayLike<number | bigint> }>;
}): Promise<number[]> {
  const { data } = await held.read();
  return Array.from(data, Number);
}
