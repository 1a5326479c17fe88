/** What was opened, as words. A description may be words, or words with the free answers of its form. */
export function linesOf(text: string | null, mediaType: string): string[] {
  if (!mediaType.startsWith("application/json")) return [text ?? ""];
  try {
    return Object.entries(JSON.parse(text ?? "{}") as Record<string, unknown>).flatMap(([name, each]) => {
      if (each === "" || each == null) return [];
      if (typeof each === "object") return Object.entries(each).map(([inner, value]) => `${inner}: ${String(value)}`);
      return [name === "text" ? String(each) : `${name}: ${String(each)}`];
    });
  } catch {
    return [text ?? ""];
  }
}
