/** What a second person may say of a legal hold, as the node names it; the page of a case and the
 * index of holds both show it. */
export const WORDS = ["confirmed", "denied", "ended"] as const;
export type Word = (typeof WORDS)[number];
export const VERBS = { confirmed: { path: "confirm", key: "c" }, denied: { path: "deny", key: "d" }, ended: { path: "end", key: "e" } } as const;

export interface Hold {
  id: number;
  by_name: string;
  is_mine: boolean;
  reason: "court" | "investigation" | "audit" | "claim";
  until: string;
  answer: Word | null;
  waits_until: string | null;
  is_holding: boolean;
  may: Word[];
}
