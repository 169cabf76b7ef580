// A team on one thread: pieces are done one after the other, in an odd order, as
// if by several threads.

import {
  createCallMaker,
  createCallWriter,
} from "../../../../../src/shared/model/edge/threads/calls.ts";
import {
  createSignalMemory,
  EACH,
  ROOM,
  viewSignals,
} from "../../../../../src/shared/model/edge/threads/signals.ts";
import type { Team } from "../../../../../src/shared/model/edge/threads/team.ts";
import type { KernelExports } from "../../../../../src/shared/model/edge/kernels.ts";

/** A team whose jobs are counted. */
export interface InlineTeam extends Team {
  /** Jobs of more than one piece. */
  jobs(): number;
}

/** @param threads that it claims to have. */
export function inlineTeam(run: KernelExports, threads: number): InlineTeam {
  const signals = viewSignals(createSignalMemory());
  const writer = createCallWriter(run, signals);
  const makeCalls = createCallMaker(run, signals);
  let jobs = 0;
  return {
    threads,
    jobs: () => jobs,
    share(rooms, pieces, write) {
      jobs += 1;
      writer.clear();
      for (let piece = 0; piece < pieces; piece += 1) {
        write(piece, writer.calls);
        writer.close();
      }
      signals.words[ROOM] = rooms.at;
      signals.words[EACH] = rooms.each;
      for (let piece = pieces - 1; piece >= 0; piece -= 1) {
        makeCalls(piece, piece % threads);
      }
    },
  };
}
