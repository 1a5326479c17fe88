/** Who waits for a second person, and what is open by break-glass. Asked again every few seconds. */
import { get, post } from "../api/client";
import { catalogue } from "../state/catalogue.svelte";
import { settings } from "../state/settings.svelte";

export interface Ask {
  id: number; at: string; by: string; by_name: string; is_mine: boolean; role: string; agency: string | null; purpose: string; case_id: string; case_type: string;
  needs: string[]; reason: string; expires_at: string; answer: "approved" | "denied" | null; answer_reason: string; second_name: string | null; permit: number | null; permit_until: string | null; may_decide: boolean;
}
export interface Broken { case_id: string; until: string; role: string; reason: string }
export const ASK_REASONS = ["needed_now", "danger_to_life", "handed_over", "told_by_court"] as const;
export const YES_REASONS = ["needed_for_the_case", "danger_to_life"] as const;
export const NO_REASONS = ["not_needed", "not_their_case", "ask_the_agency"] as const;
/** Why two are needed, in one line: each is a sentence of its own. */
export function listed(needs: string[]): string {
  return needs.map((each) => catalogue.word("needs", each)).join(settings.language === "zh-CN" ? "；" : "; ");
}
const EVERY_MS = 15_000;

class Sight {
  asks = $state.raw<Ask[]>([]);
  broken = $state.raw<Broken[]>([]);
  /** The banner looks for as long as somebody is signed in. */
  watch(): () => void {
    const look = () => void this.lookBroken().catch(() => { /* the live indicator tells of a lost line */ });
    look();
    const beat = setInterval(look, EVERY_MS);
    return () => clearInterval(beat);
  }
  async lookBroken(): Promise<void> {
    this.broken = (await get<{ broken: Broken[] }>("/api/sight/broken")).broken;
  }
  async look(): Promise<void> {
    this.asks = (await get<{ asks: Ask[] }>("/api/sight/asks")).asks;
  }
  async decide(ask: Ask, verb: "approve" | "deny", reason: string): Promise<void> {
    await post(`/api/sight/asks/${ask.id}/${verb}`, { reason });
    await Promise.all([this.look(), this.lookBroken()]);
  }
  async end(permit: number): Promise<void> {
    this.asks = (await post<{ asks: Ask[] }>(`/api/sight/permits/${permit}/end`, {})).asks;
    await this.lookBroken();
  }
}
export const sight = new Sight();
