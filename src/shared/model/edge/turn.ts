// One piece of work after another, in the order in which they came.

/** Does a piece of work once all those before it are done. */
export type InTurn = <Result>(act: () => Promise<Result>) => Promise<Result>;

/** A queue of its own; one that fails does not keep the next from its turn. */
export function createTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const result = last.then(act);
    last = result.catch(() => undefined);
    return result;
  };
}
