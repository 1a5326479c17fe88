/** The town's wall clock and instants. */

/** A wall clock's day and time in a zone as milliseconds; NaN for none. An hour that the clocks
 * skip is taken as the hour after it. */
export function instantOf(day: string, time: string, zone: string): number {
  const wall = Date.parse(`${day}T${time}:00Z`);
  if (Number.isNaN(wall)) return wall;
  let found = wall;
  for (let n = 0; n < 2; n++) found += wall - wallOf(found, zone);
  return found;
}
function wallOf(at: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).formatToParts(at);
  const of = (type: string) => parts.find((each) => each.type === type)?.value ?? "00";
  return Date.parse(`${of("year")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}:00Z`);
}
/** The day ("2026-11-22") and time ("06:00") of an instant on the wall clock of a zone. */
export function wall(at: number, zone: string): { day: string; time: string } {
  const text = new Date(wallOf(at, zone)).toISOString();
  return { day: text.slice(0, 10), time: text.slice(11, 16) };
}
