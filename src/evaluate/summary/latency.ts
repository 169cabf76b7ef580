// How long photos took: percentiles of each part.

import type { AnsweredPhoto } from "../run/predictions.ts";
import { quantile } from "./bootstrap.ts";

/** Parts of an answer's time. */
export const LATENCY_PARTS = ["decode", "vision", "text", "total"] as const;

/** Milliseconds by part. */
export type Latency = Readonly<
  Record<
    (typeof LATENCY_PARTS)[number],
    {
      readonly p50: number;
      readonly p90: number;
      readonly p99: number;
      readonly max: number;
    }
  >
>;

/** Percentiles over answered photos; null without any. */
export function latencyOf(photos: readonly AnsweredPhoto[]): Latency | null {
  if (photos.length === 0) return null;
  const rows = LATENCY_PARTS.map((part) => {
    const values = photos.map(({ ms }) => ms[part]).sort((a, b) => a - b);
    const at = (share: number) => Math.round(10 * quantile(values, share)) / 10;
    return [part, { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }] as const;
  });
  return Object.fromEntries(rows) as Latency;
} // prettier-ignore
