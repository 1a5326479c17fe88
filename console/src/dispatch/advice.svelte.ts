/** The recommendation for one case, asked anew when units or the case change, and never sorted anew
 * under a hand: while somebody points, has the focus in it or has chosen, the order is held. */
import { Refusal, get, query } from "../api/client";
import { order } from "../units/order";

export interface Ranked {
  rank: number; unit: string; name: string; agency: string; kind: string; status: string; standing: string; time_s: number | null; p90_s: number | null;
  position_age_s: number | null; is_recommended: boolean; is_assisting: boolean; lost_share: number | null; reasons: string[]; codes: string[];
}
export interface Repair { code: string; text: string; delay_s: number | null; unit: string | null; level: number | null; wait_s: number | null; reasons: string[] }
export interface Shortfall { capability: string; name: string; missing: number; code: string; text: string; repairs: Repair[] }
export interface Recommendation {
  id: string; at: string; policy: string; level: number; needs: { capability: string; name: string; count: number; met: number }[]; recommended: string[];
  ranked: Ranked[]; candidate_count: number; shortfalls: Shortfall[]; notes: { code: string; text: string }[];
}
export type Policy = "closest" | "coverage";
export interface Line { candidate: Ranked; isGone: boolean }

/** Rows of `now` in the order in which they were shown; what is new comes last, what went stays and
 * says so. Pure, so that it can be shown that nothing moves. */
export function held(before: readonly Line[], now: readonly Ranked[]): Line[] {
  const fresh = new Map(now.map((each) => [each.unit, each]));
  const kept = before.map((line): Line => {
    const found = fresh.get(line.candidate.unit);
    fresh.delete(line.candidate.unit);
    return found ? { candidate: found, isGone: false } : { ...line, isGone: true };
  });
  return [...kept, ...[...fresh.values()].map((candidate) => ({ candidate, isGone: false }))];
}

export class Advice {
  found = $state.raw<Recommendation | null>(null);
  lines = $state.raw<readonly Line[]>([]);
  chosen = $state.raw<readonly string[]>([]);
  policy = $state<Policy>("closest");
  isHeld = $state(false);
  /** The order on the screen is not the newest one. */
  isOld = $state(false);
  isAsking = $state(false);
  isMissing = $state(false);
  said = $state("");
  #asked = 0;
  constructor(readonly caseId: string) {}

  async ask(signal?: AbortSignal): Promise<void> {
    const run = ++this.#asked;
    this.isAsking = true;
    try {
      const found = await get<Recommendation>(`/api/cases/${encodeURIComponent(this.caseId)}/advice${query({ policy: this.policy })}`, signal);
      if (run === this.#asked) this.#take(found);
    } catch (error) {
      if (signal?.aborted || run !== this.#asked) return;
      if (error instanceof Refusal && error.status === 404) this.isMissing = true;
      else this.said = error instanceof Error ? error.message : String(error);
    } finally {
      if (run === this.#asked) this.isAsking = false;
    }
  }
  #take(found: Recommendation): void {
    this.found = found;
    this.said = "";
    const mustHold = this.isHeld || this.chosen.length > 0;
    const newest = found.ranked.map((candidate) => ({ candidate, isGone: false }));
    this.lines = mustHold && this.lines.length ? held(this.lines, found.ranked) : newest;
    this.isOld = this.lines.some((each, n) => each.candidate.unit !== newest[n]?.candidate.unit);
    this.chosen = this.chosen.filter((unit) => found.ranked.some((each) => each.unit === unit));
  }
  /** Shows the newest order; by a key, or once nobody points any more. */
  settle(): void {
    if (!this.found) return;
    this.lines = this.found.ranked.map((candidate) => ({ candidate, isGone: false }));
    this.isOld = false;
  }
  hold(now: boolean): void {
    this.isHeld = now;
    if (!now && this.isOld && this.chosen.length === 0) this.settle();
  }
  toggle(unit: string): void {
    const line = this.lines.find((each) => each.candidate.unit === unit);
    if (!line || line.isGone) return;
    this.chosen = this.chosen.includes(unit) ? this.chosen.filter((each) => each !== unit) : [...this.chosen, unit];
  }
  chooseRecommended(): void {
    this.chosen = this.found?.recommended ?? [];
  }
  nameOf(unit: string): string {
    return this.lines.find((each) => each.candidate.unit === unit)?.candidate.name ?? unit;
  }
  /** Sends what is chosen, one after the other; what was refused stays chosen. Throws the first
   * refusal after all were tried. */
  async send(units: readonly string[]): Promise<string[]> {
    const found = this.found, sent: string[] = [];
    let trouble: unknown = null;
    for (const unit of units) {
      const reason = found?.recommended.includes(unit) ? "recommended" : "by_hand";
      try {
        await order(unit, "send", { case: this.caseId, reason, ...(found ? { advice: found.id } : {}) });
        sent.push(unit);
      } catch (error) {
        trouble ??= error;
      }
    }
    this.chosen = units.filter((each) => !sent.includes(each));
    if (trouble) throw trouble;
    return sent;
  }
}
