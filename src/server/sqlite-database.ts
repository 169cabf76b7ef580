// The database port over Node's own SQLite: one file, or memory for tests.

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Database, Row, Statement } from "../http/ports/database.ts";

/** A database that its opener closes. */
export interface SqliteDatabase extends Database {
  close(): void;
}

/**
 * Opens a database file, made if it is not there; `:memory:` for none.
 *
 * Committed transactions outlive a killed process (write-ahead log).
 */
export function openSqliteDatabase(file: string): SqliteDatabase {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA busy_timeout = 5000");
  const prepared = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  const prepare = ({ text }: Statement) => {
    const known = prepared.get(text);
    if (known !== undefined) return known;
    const made = database.prepare(text);
    prepared.set(text, made);
    return made;
  };
  const values = (statement: Statement): SQLInputValue[] => [
    ...statement.values,
  ];
  return {
    all: (statement) =>
      attempt(
        () =>
          // Columns hold what SqlValue lists; integers stay below 2^53.
          prepare(statement).all(...values(statement)) as readonly Row[],
      ),
    batch: (statements) =>
      attempt(() => {
        database.exec("BEGIN IMMEDIATE");
        try {
          const changes = statements.map((statement) =>
            Number(prepare(statement).run(...values(statement)).changes),
          );
          database.exec("COMMIT");
          return changes;
        } catch (error) {
          database.exec("ROLLBACK");
          throw error;
        }
      }),
    close: () => {
      database.close();
    },
  };
}

/** The port is asynchronous: what throws rejects. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
