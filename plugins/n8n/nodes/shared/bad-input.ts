/** A mistake in the node's parameters or its item, told to the user as it is. */
export class BadInput extends Error {
  override readonly name = "BadInput";
  /** What to do about it, where the message does not say. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
