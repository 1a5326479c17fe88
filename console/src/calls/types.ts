/** Which case types a few typed letters may mean: names in every language, and codes. */
import type { CaseType } from "../api/types";

const plain = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Every word of `typed` is found in the type, whole names and beginnings first. */
export function match(types: readonly CaseType[], typed: string, nameOf: (code: string) => string): CaseType[] {
  const wanted = plain(typed.trim()), parts = wanted.split(/\s+/).filter(Boolean);
  const ranked = types.flatMap((type) => {
    const names = [type.code, ...Object.values(type.title)].map(plain);
    if (!parts.every((part) => names.some((name) => name.includes(part)))) return [];
    const begins = (name: string) => name.split(/[\s-]+/).some((word) => word.startsWith(parts[0] ?? ""));
    const rank = names.includes(wanted) ? 0 : names.some((name) => name.startsWith(wanted)) ? 1 : names.some(begins) ? 2 : 3;
    return [{ type, rank, name: nameOf(type.code) }];
  });
  return ranked.sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name)).map((each) => each.type);
}
