/** Which extensions are on a call, and on how many: for queues, which ring nobody who talks. */
export class BusyExtensions {
  readonly #calls = new Map<string, number>();

  constructor(private readonly onChange: (extension: string, busy: boolean) => void) {}

  /** One more call of this extension; what it returns ends it, once. */
  begin(extension: string): () => void {
    const before = this.#calls.get(extension) ?? 0;
    this.#calls.set(extension, before + 1);
    if (before === 0) this.onChange(extension, true);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (this.#calls.get(extension) ?? 1) - 1;
      if (left > 0) this.#calls.set(extension, left);
      else {
        this.#calls.delete(extension);
        this.onChange(extension, false);
      }
    };
  }
}
