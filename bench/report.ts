// What every benchmark prints: the machine, medians, sizes.

import { availableParallelism, cpus, totalmem } from "node:os";
import process from "node:process";

/** Prints date, processor, memory and Node's version. */
export function printMachine(): void {
  const model = cpus()[0]?.model ?? "unknown processor";
  const gib = Math.round(totalmem() / 2 ** 30);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${model}, ${availableParallelism()} cores, ${gib} GiB, Node ${process.version}`,
  );
}

/** The middle value; the mean of the middle two of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `1234.5` as `1,235 ms`. */
export function milliseconds(ms: number): string {
  return `${Math.round(ms).toLocaleString("en-US")} ms`;
}

/** Bytes as MiB. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
