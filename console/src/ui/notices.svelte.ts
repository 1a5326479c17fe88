/** What must be said beside the work: a refusal, a lost line, a thing that is done. */
import { Offline, Refusal } from "../api/client";
import { speak } from "../words";
import { words } from "./words";

export interface Notice {
  id: number;
  kind: "said" | "refused" | "emergency";
  text: string;
  href?: string;
}
let count = 0;

class Notices {
  all = $state<Notice[]>([]);
  say(text: string, kind: Notice["kind"] = "said", href?: string, ms = 6_000): void {
    const id = ++count;
    this.all = [...this.all.slice(-4), href ? { id, kind, text, href } : { id, kind, text }];
    if (kind !== "refused") setTimeout(() => this.drop(id), ms);
  }
  drop(id: number): void {
    this.all = this.all.filter((each) => each.id !== id);
  }
  /** A failure in words; what is none of ours goes on to the console of the browser too. */
  fail(error: unknown): void {
    const t = speak(words);
    if (error instanceof Refusal) this.say(error.message, "refused");
    else if (error instanceof Offline) this.say(t("offline"), "refused");
    else {
      console.error(error);
      this.say(t("failed"), "refused");
    }
  }
}
export const notices = new Notices();
