/** Instants as the town's clock shows them, for a field of date and time. */

/** "2026-11-24T09:00" on the town's clock. */
export function toTown(at: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

/** The instant at which the town's clock shows `text`. Where clocks go back, the earlier one. */
export function fromTown(text: string, timeZone: string): Date {
  const wanted = Date.parse(`${text}Z`);
  const offset = (at: number): number => Date.parse(`${toTown(new Date(at), timeZone)}Z`) - at;
  // The offset is that of the instant looked for, which is known only nearly at first.
  const near = [wanted - offset(wanted - 86_400_000), wanted - offset(wanted + 86_400_000)];
  const exact = near.filter((at) => toTown(new Date(at), timeZone) === text);
  return new Date(Math.min(...(exact.length ? exact : near)));
}
