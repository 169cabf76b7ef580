// The database port over D1.

import type {
  Database,
  Row,
  Statement,
} from "../../src/http/ports/database.ts";

/** D1's `batch` is one transaction, as the port wants it. */
export function d1Database(d1: D1Database): Database {
  const prepare = ({ text, values }: Statement): D1PreparedStatement =>
    d1.prepare(text).bind(...values);
  return {
    async all(statement) {
      const { results } = await prepare(statement).all<Row>();
      return results;
    },
    async batch(statements) {
      const results = await d1.batch(statements.map(prepare));
      return results.map(({ meta }) => meta.changes);
    },
  };
}
