/** What a stream told while a list was being read: the list may be older than that, and must not
 * take it away again. */
interface Told {
  id: string;
  version: number;
}

export class Heard<T extends Told> {
  #told: Map<string, T> | null = null;
  #run = 0;

  /** A reading begins. Only the newest one counts; give its number to `merge`. */
  begin(): number {
    this.#told = new Map();
    return ++this.#run;
  }
  /** Something was told, or an answer showed it. */
  hear(each: T): void {
    this.#told?.set(each.id, each);
  }
  /** What is true after the reading: its rows, whatever is known in a newer version, and all that
   * was told since it began. Null where a later reading has begun meanwhile. */
  merge(run: number, rows: T[], known: Map<string, T>): Map<string, T> | null {
    if (run !== this.#run) return null;
    const all = new Map<string, T>();
    for (const each of rows) {
      const was = known.get(each.id);
      all.set(each.id, was && was.version > each.version ? was : each);
    }
    for (const each of this.#told?.values() ?? []) {
      // Of two words of one version the row counts: what was told may be what a screen only hoped for.
      const read = all.get(each.id);
      if (!read || each.version > read.version) all.set(each.id, each);
    }
    this.#told = null;
    return all;
  }
}
