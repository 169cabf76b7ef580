// Counts the cases of a run, and keeps its table.

export interface Tally {
  readonly passed: number;
  readonly failures: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Runs a case; what it throws is noted, and the run goes on. */
  readonly test: (name: string, body: () => unknown) => Promise<void>;
  readonly row: (...cells: readonly (string | number)[]) => void;
}

export function startTally(): Tally {
  let passed = 0;
  const failures: string[] = [];
  const rows: string[][] = [];
  return {
    get passed() {
      return passed;
    },
    failures,
    rows,
    async test(name, body) {
      try {
        await body();
        passed += 1;
        console.log(`ok   ${name}`);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        failures.push(`FAIL ${name}: ${text}`);
        console.log(failures.at(-1));
      }
    },
    row(...cells) {
      rows.push(cells.map(String));
    },
  };
}

/** Prints rows in columns as wide as their widest cell. */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const all = [head, ...rows];
  const widths = head.map((_, at) =>
    Math.max(...all.map((row) => (row[at] ?? "").length)),
  );
  for (const row of all) {
    const cells = row.map((cell, at) => cell.padEnd(widths[at] ?? 0));
    console.log(cells.join("  ").trimEnd());
  }
}
