/** Presses on their way: kept before they are sent, sent one after the other in the order in which
 * they were made, each under its own key, so that a repeat is harmless. One that the node refuses
 * is shown with the reason until somebody has read it. Nothing is ever dropped without a word. */
import { readOutbox, writeOutbox } from "./store";

export interface Press {
  key: string;
  /** Whose press it is: it is never sent as somebody else's. */
  account: string;
  who: string;
  unit: string;
  path: string;
  body: Record<string, unknown>;
  /** What was pressed, for the crew to recognise, and the status it means, if any. */
  what: string;
  means: string;
  made_at: string;
  /** Why the node did not take it; "" while it waits. */
  refused: string;
}
export type Sent = "taken" | "no_line" | "no_session" | { refused: string };

export class Outbox {
  #all: Press[] = readOutbox();
  #flight: Promise<void> | null = null;
  constructor(private readonly send: (press: Press) => Promise<Sent>, private readonly told: () => void) {}

  waiting(account: string): Press[] {
    return this.#all.filter((each) => each.account === account && !each.refused);
  }
  refused(account: string): Press[] {
    return this.#all.filter((each) => each.account === account && each.refused);
  }
  /** Presses of other people on this phone. */
  foreign(account: string): Press[] {
    return this.#all.filter((each) => each.account !== account);
  }
  add(press: Press): void {
    this.#all.push(press);
    this.#keep();
  }
  understood(key: string): void {
    this.#all = this.#all.filter((each) => each.key !== key);
    this.#keep();
  }
  /** Sends what waits for this account, the oldest first, until the line breaks. */
  flush(account: string): Promise<void> {
    this.#flight ??= this.#run(account).finally(() => (this.#flight = null));
    return this.#flight;
  }
  async #run(account: string): Promise<void> {
    for (let next = this.waiting(account)[0]; next; next = this.waiting(account)[0]) {
      const sent = await this.send(next);
      if (sent === "no_line" || sent === "no_session") return;
      if (sent === "taken") this.#all = this.#all.filter((each) => each.key !== next!.key);
      else next.refused = sent.refused;
      this.#keep();
    }
  }
  #keep(): void {
    writeOutbox(this.#all);
    this.told();
  }
}
