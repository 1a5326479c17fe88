/** Questions to the node that follow the fingers: no waiting, and no crowd of old questions. */
import { Refusal } from "../api/client";
import { settings } from "../state/settings.svelte";
import { notices } from "../ui/notices.svelte";

/** An answer that takes longer than this is no longer waited for when a newer question is there. */
const PATIENCE_MS = 300;

/** Asks at once. While an answer is under way only the newest question waits behind it, so that the
 * node is asked as often as it answers; an older answer never overtakes a newer one. */
export class Asking<Q, A> {
  #running: AbortController | null = null;
  #since = 0;
  #next: { question: Q } | null = null;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #last = "";
  #hasFailed = false;

  constructor(
    private readonly ask: (question: Q, signal: AbortSignal) => Promise<A>,
    private readonly use: (answer: A, question: Q) => void,
    private readonly refused: (refusal: Refusal) => void = () => {},
  ) {}

  /** Asks, unless it was asked just before: the likely cases open sealed words, which is recorded.
   * With another `round` the same is asked anew. */
  put(question: Q, round = 0): void {
    const text = JSON.stringify([question, round, settings.language]);
    if (text === this.#last) return;
    this.#last = text;
    const left = this.#since + PATIENCE_MS - performance.now();
    if (!this.#running || left <= 0) return void this.#run(question);
    this.#next = { question };
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => { if (this.#next) void this.#run(this.#next.question); }, left);
  }
  /** Nothing is asked any more, and what is under way is not used. */
  drop(): void {
    clearTimeout(this.#patience);
    this.#last = "";
    this.#next = null;
    this.#running?.abort();
    this.#running = null;
  }
  async #run(question: Q): Promise<void> {
    clearTimeout(this.#patience);
    this.#running?.abort();
    const mine = (this.#running = new AbortController());
    this.#since = performance.now();
    this.#next = null;
    try {
      const answer = await this.ask(question, mine.signal);
      if (mine.signal.aborted) return;
      this.#hasFailed = false;
      this.use(answer, question);
    } catch (error) {
      if (mine.signal.aborted) return;
      this.#last = "";
      if (error instanceof Refusal) this.refused(error);
      else if (!this.#hasFailed) notices.fail(error); // once, not at every key
      this.#hasFailed = !(error instanceof Refusal);
    } finally {
      if (this.#running === mine) {
        this.#running = null;
        const next = this.#next as { question: Q } | null;
        if (next) void this.#run(next.question);
      }
    }
  }
}
