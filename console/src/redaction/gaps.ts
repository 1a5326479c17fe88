/** Gaps over a text, counted in characters as the node counts them (code points, not UTF-16). */
export interface Gap { start: number; end: number }
export interface Token { start: number; end: number; text: string; isBlank: boolean }
export const GAP = "[…]";

/** A word, a number or an address is one; a Chinese character is one of its own; so is a sign. */
export function tokensOf(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (const [part] of text.matchAll(/\s+|[\p{Script=Latin}\p{N}\p{M}_@.+'’-]+|./gsu)) {
    const end = at + [...part].length;
    found.push({ start: at, end, text: part, isBlank: part.trim() === "" });
    at = end;
  }
  return found;
}
/** Which tokens lie, if only in part, in one of these gaps: a gap rather grows than shrinks. */
export function covered(tokens: Token[], gaps: Gap[]): boolean[] {
  return tokens.map((each) => gaps.some((gap) => gap.start < each.end && each.start < gap.end));
}
/** The gaps of these tokens; a blank between two gaps belongs to them. */
export function gapsOf(tokens: Token[], isGap: boolean[]): Gap[] {
  const gaps: Gap[] = [];
  tokens.forEach((each, n) => {
    const hit = each.isBlank ? (isGap[n - 1] ?? false) && (isGap[n + 1] ?? false) : isGap[n];
    if (!hit) return;
    const last = gaps.at(-1);
    if (last && last.end === each.start) last.end = each.end;
    else gaps.push({ start: each.start, end: each.end });
  });
  return gaps;
}
/** The text as it is read with these gaps. */
export function gapped(text: string, gaps: Gap[]): string {
  const letters = [...text];
  let out = "", at = 0;
  for (const gap of gaps) {
    out += letters.slice(at, gap.start).join("") + GAP;
    at = gap.end;
  }
  return out + letters.slice(at).join("");
}
