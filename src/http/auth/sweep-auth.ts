// Deletes what keys have left behind: kept answers and counts of past windows.

import { sql } from "../ports/database.ts";
import { sweepAnswers, type AnswerHost } from "./kept-answers.ts";

/** Minutes are counted to limit them; an hour is more than that needs. */
const KEEP_REQUESTS_MS = 3_600_000;

/** A year of months, for whoever bills. */
const KEEP_IMAGES_MS = 400 * 86_400_000;

export async function sweepAuth(host: AnswerHost): Promise<void> {
  const nowMs = host.platform.now();
  await host.database.batch([
    sql`DELETE FROM usage_windows WHERE kind = 'requests'
      AND window_start_ms < ${nowMs - KEEP_REQUESTS_MS}`,
    sql`DELETE FROM usage_windows WHERE kind = 'images'
      AND window_start_ms < ${nowMs - KEEP_IMAGES_MS}`,
  ]);
  await sweepAnswers(host);
}
