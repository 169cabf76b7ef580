// A program that appends lines to a journal as fast as it can, for tests that
// end it in the middle. Prints each line's number once it is written.

import { openJournal } from "../../src/node/journal.ts";

const [, , path = "", count = "0"] = process.argv;
const journal = await openJournal(path);
for (let number = journal.lines.length; number < Number(count); number += 1) {
  try {
    await journal.append({ number, filler: "x".repeat(3000) });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    await journal.close();
    process.exit(3);
  }
  process.stdout.write(`${number}\n`);
}
await journal.close();
