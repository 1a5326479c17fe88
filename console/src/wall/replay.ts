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
