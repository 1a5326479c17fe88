/** Questions to the node that follow the fingers: no waiting, and no crowd of old questions. */
import { Refusal } from "../api/client";
import { notices } from "../ui/notices.svelte";

/** An answer that takes longer than this is no longer waited for when a newer question is there. */
const PATIENCE_MS = 300;

/** Asks at once. While an answer is under way only the newest question waits behind it, so that the
 * node is asked as often as it answers; an older answer never overtakes a newer one. */
export class Asking<Q, A> {
  #running: AbortController | null = null;
  #since = 0;
  #next: { question: Q } | null = null;
  #wait: ReturnType<typeof setTimeout> | undefined;
  #hasFailed = false;

  constructor(
    private readonly ask: (question: Q, signal: AbortSignal) => Promise<A>,
    private readonly use: (answer: A, question: Q) => void,
    private readonly refused: (refusal: Refusal) => void = () => {},
  ) {}

  /** Asks, now or when nothing newer came for `quietMs`. */
  put(question: Q, quietMs = 0): void {
    clearTimeout(this.#wait);
    if (quietMs) this.#wait = setTimeout(() => this.#go(question), quietMs);
    else this.#go(question);
  }
  /** Nothing is asked any more, and what is under way is not used. */
  drop(): void {
    clearTimeout(this.#wait);
    this.#next = null;
    this.#running?.abort();
    this.#running = null;
  }
  #go(question: Q): void {
    if (this.#running && performance.now() - this.#since < PATIENCE_MS) this.#next = { question };
    else void this.#run(question);
  }
  async #run(question: Q): Promise<void> {
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
