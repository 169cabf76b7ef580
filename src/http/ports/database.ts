// The database a host brings: SQLite's language and its transactions, whether
// that is D1 or a file. It is the truth; queues only hint at it.

export type SqlValue = string | number | null | Uint8Array;

/** A row as selected; the caller knows its columns. */
export type Row = Readonly<Record<string, SqlValue>>;

/** One statement and the values of its `?` marks. Made by `sql`. */
export interface Statement {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

export interface Database {
  /** Rows of a query. */
  all(statement: Statement): Promise<readonly Row[]>;

  /**
   * Runs statements as one transaction: all or none.
   *
   * @returns the number of rows each of them changed.
   */
  batch(statements: readonly Statement[]): Promise<readonly number[]>;
}

/**
 * A statement from a template: every `${value}` becomes a `?`, and a statement
 * inside another is spliced in.
 */
export function sql(
  parts: TemplateStringsArray,
  ...given: readonly (SqlValue | Statement)[]
): Statement {
  let text = parts[0]!;
  const values: SqlValue[] = [];
  for (const [index, value] of given.entries()) {
    const after = parts[index + 1]!;
    if (isStatement(value)) {
      text += value.text + after;
      values.push(...value.values);
    } else {
      text += `?${after}`;
      values.push(value);
    }
  }
  return { text, values };
}

function isStatement(value: SqlValue | Statement): value is Statement {
  return typeof value === "object" && value !== null && "text" in value;
}
