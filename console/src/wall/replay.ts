/** The board as it was at an instant, from the start of the day and its steps. */
export interface Dot { case: string; type: string; priority: number; status: string; lon: number | null; lat: number | null; late: boolean }
export interface Step extends Dot { at: string; event: string }
export interface Bucket { at: string; opened: number; closed: number; missed: number }
export interface Day { from: string; to: string; is_whole: boolean; start: Dot[]; steps: Step[]; buckets: Bucket[] }

const ENDED = new Set(["verified", "refused", "void", "merged"]);

export function boardAt(day: Day, at: number): Dot[] {
  const found = new Map(day.start.map((each) => [each.case, each as Dot]));
  for (const step of day.steps) {
    if (Date.parse(step.at) > at) break;
    if (ENDED.has(step.status)) found.delete(step.case);
    else found.set(step.case, step);
  }
  return [...found.values()];
}

/** Comma-separated values as RFC 4180 has them; a leading sign can not become a formula. */
export function csv(rows: (string | number)[][]): string {
  const cell = (value: string | number) => {
    const text = String(value).replace(/^[=+\-@]/, "'$&");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function save(name: string, rows: (string | number)[][]): void {
  const url = URL.createObjectURL(new Blob(["\ufeff", csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
