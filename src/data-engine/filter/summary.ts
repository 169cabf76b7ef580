// What came of a filter, in one table.

import {
  isSeen,
  type Annotation,
  type PhotoRecord,
  type Reason,
} from "../records/record.ts";

/** One line of the table: what one source said, and what became of it. */
export interface SummaryRow {
  readonly source: string;
  /** `text brief`, `region object`, … */
  readonly kind: string;
  readonly said: number;
  readonly kept: number;
  readonly reasons: ReadonlyMap<Reason, number>;
}

export interface Summary {
  readonly photos: number;
  /** Photos that stay. */
  readonly kept: number;
  /** Photos that went, by reason; those that cannot be read among them. */
  readonly dropped: ReadonlyMap<Reason, number>;
  readonly rows: readonly SummaryRow[];
}

/** Counts records of `filter` or `refine`. Dropped photos count for no row. */
export function summarize(records: readonly PhotoRecord[]): Summary {
  const dropped = new Map<Reason, number>();
  const rows = new Map<
    string,
    {
      source: string;
      kind: string;
      said: number;
      kept: number;
      reasons: Map<Reason, number>;
    }
  >();
  const rowOf = (annotation: Annotation) => {
    const [source, kind] = [annotation.source.id, kindOf(annotation)];
    const key = `${source}\n${kind}`;
    const row = rows.get(key) ?? {
      source,
      kind,
      said: 0,
      kept: 0,
      reasons: new Map<Reason, number>(),
    };
    rows.set(key, row);
    return row;
  };
  let kept = 0;
  for (const record of records) {
    const reason = isSeen(record) ? record.dropped?.reason : "undecodable";
    if (!isSeen(record) || reason !== undefined) {
      addTo(dropped, reason ?? "undecodable");
      continue;
    }
    kept += 1;
    for (const annotation of record.annotations) {
      const row = rowOf(annotation);
      row.said += 1;
      row.kept += 1;
    }
    for (const { annotation, reason: why } of record.removed ?? []) {
      const row = rowOf(annotation);
      row.said += 1;
      addTo(row.reasons, why);
    }
  }
  const sorted = [...rows.values()].sort((a, b) =>
    `${a.kind} ${a.source}` < `${b.kind} ${b.source}` ? -1 : 1,
  );
  return { photos: records.length, kept, dropped, rows: sorted };
}

/** A summary as lines of text, columns aligned. */
export function summaryLines({
  photos,
  kept,
  dropped,
  rows,
}: Summary): string[] {
  const table = [
    ["kind", "source", "said", "kept", "taken out because"],
    ...rows.map((row) => [
      row.kind,
      row.source,
      String(row.said),
      String(row.kept),
      reasonsText(row.reasons),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...table.map((row) => row[column]!.length)),
  );
  const away = reasonsText(dropped);
  return [
    `${photos} photos, ${kept} kept${away === "" ? "" : `; dropped: ${away}`}`,
    "",
    ...table.map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return column === 2 || column === 3
            ? cell.padStart(width)
            : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    ),
  ];
}

/** What a person calls an annotation's kind. */
export function kindOf(annotation: Annotation): string {
  switch (annotation.kind) {
    case "text":
      return `text ${annotation.level}`;
    case "region_text":
      return `region ${annotation.about}`;
    case "triplet":
    case "tag":
      return annotation.kind;
  }
}

/** `low_score 8, no_agreement 3`, the commonest first. */
export function reasonsText(reasons: ReadonlyMap<Reason, number>): string {
  return [...reasons]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(", ");
}

function addTo(counts: Map<Reason, number>, reason: Reason): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1);
}
