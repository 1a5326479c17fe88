/** Words of the screen. A feature's words sit in its own folder; nothing is joined from pieces. */
import { clock } from "../state/clock.svelte";
import { catalogue } from "../state/catalogue.svelte";
import { settings, type Language } from "../state/settings.svelte";

export type Words = Record<Language, Record<string, string>>;

/** `const t = speak(words)`, then `t("late", {n: 3})`; both languages must have the word. */
export function speak<W extends Words>(words: W): (name: keyof W["en"] & string, values?: Record<string, string | number>) => string {
  return (name, values) => {
    let text = words[settings.language][name] ?? words.en[name] ?? name;
    for (const [key, value] of Object.entries(values ?? {})) text = text.replaceAll(`{${key}}`, String(value));
    return text;
  };
}

/** 95 s → "1:35"; longer spans in whole minutes, hours, days. */
export function span(ms: number): string {
  const zh = settings.language === "zh-CN";
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  const min = Math.round(s / 60);
  if (min < 120) return zh ? `${min} 分钟` : `${min} min`;
  const h = Math.round(min / 60);
  if (h < 48) return zh ? `${h} 小时` : `${h} h`;
  const d = Math.round(h / 24);
  return zh ? `${d} 天` : `${d} days`;
}

export interface ClockWords {
  text: string;
  level: "late" | "soon" | "fine" | "paused" | "none";
}

/** A deadline in words: "12 min left", "late by 40 min". Colour comes second. */
export function due(dueAt: string | null | undefined, startedAt?: string | null, isPaused = false): ClockWords {
  const zh = settings.language === "zh-CN";
  if (isPaused) return { text: zh ? "计时暂停" : "clock paused", level: "paused" };
  if (!dueAt) return { text: zh ? "无时限" : "no deadline", level: "none" };
  const left = Date.parse(dueAt) - clock.now;
  if (left < 0) return { text: zh ? `已超时 ${span(-left)}` : `late by ${span(-left)}`, level: "late" };
  const whole = startedAt ? Date.parse(dueAt) - Date.parse(startedAt) : 0;
  const isSoon = whole > 0 ? left < whole / 4 : left < 600_000;
  return { text: zh ? `剩 ${span(left)}` : `${span(left)} left`, level: isSoon ? "soon" : "fine" };
}

/** An instant by the town's clock; the zone is named where it is shown in full. */
export function instant(at: string | null | undefined, style: "time" | "date" | "day" | "full" = "time"): string {
  if (!at) return "";
  const timeZone = catalogue.pack?.zone ?? "UTC";
  const options: Intl.DateTimeFormatOptions = style === "date" ? { timeZone } : { timeZone, hour12: false, hour: "2-digit", minute: "2-digit" };
  if (style === "time") options.second = "2-digit";
  else Object.assign(options, { day: "numeric", month: "short" });
  if (style === "full") Object.assign(options, { year: "numeric", second: "2-digit", timeZoneName: "short" });
  return new Intl.DateTimeFormat(settings.language === "zh-CN" ? "zh-CN" : "en-GB", options).format(new Date(at));
}
