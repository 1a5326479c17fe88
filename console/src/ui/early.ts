/** Keys that choose from a list of answers, pressed while the answer to what is written is still on
 * its way. They are meant for that answer: on the list of what was written before, Enter would take
 * what nobody meant, another address for a crew. */
const CHOOSING = new Set(["ArrowDown", "ArrowUp", "Enter"]);

export class Early {
  #keys: string[] = [];

  /** Keeps the key for the answer; false where it does not choose. */
  keep(key: string): boolean {
    if (!CHOOSING.has(key)) return false;
    this.#keys.push(key);
    return true;
  }
  forget(): void {
    this.#keys = [];
  }
  /** What was kept, in order; it is kept no longer. */
  take(): string[] {
    return this.#keys.splice(0);
  }
}
