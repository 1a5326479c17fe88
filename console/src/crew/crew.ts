/** The crew's page: alerts, four big buttons and what waits for the line. No map, no library. */
import "../trusted";
import { allow, hush, isAllowed } from "./alarm";
import "./crew.css";
import { arrange, h, region } from "./dom";
import { Crew } from "./state";
import { canKeep, kept } from "./store";

const main = document.querySelector("main");
if (main === null) throw new Error("the page has no main");
const box: HTMLElement = main;
/** In the order of a call; a unit's kind and its agency decide which of them count. */
const PRESSES = ["en_route", "on_scene", "transporting", "clear", "returning", "available", "out_of_service"];
let due = 0, picked = "";
const crew = new Crew(() => {
  if (!due) due = requestAnimationFrame(() => { due = 0; draw(); });
});
const { t } = crew;
const time = (at: string | number) => new Intl.DateTimeFormat(crew.language === "zh-CN" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }).format(new Date(at));
const button = (key: string, text: string, onclick: () => void, more: Record<string, unknown> = {}) => h("button", { type: "button", "data-key": key, click: onclick, ...more }, text);

function draw(): void {
  document.documentElement.lang = crew.language;
  document.title = `${kept.shown?.name ? `${kept.shown.name} · ` : ""}${t("title")} · Tocsin`;
  const l = crew.language, said = region("said", [l, crew.said], () => h("p", { role: "alert", class: "said" }, crew.said));
  if (!crew.isIn) return arrange(box, [top(), foreign(), said, signIn()]);
  if (!kept.unit || kept.shown === null) return arrange(box, [top(), line(), foreign(), said, choosing()]);
  arrange(box, [top(), line(), ...refusals(), foreign(), alerts(), said, ...cases(), presses(), ...more(), duty()]);
}

function top(): HTMLElement | null {
  const shown = crew.isIn ? kept.shown : null;
  return region("top", [crew.language, shown?.name, crew.isIn], () => h("header", {},
    h("h1", {}, shown ? t("shift", { unit: shown.name }) : t("title")),
    button("lang", t("lang"), () => (crew.language = crew.language === "en" ? "zh-CN" : "en"), { class: "quiet", lang: crew.language === "en" ? "zh-CN" : "en" }),
    crew.isIn ? button("out", t("sign_out"), () => void crew.signOut(), { class: "quiet" }) : null));
}
/** Whether there is a line, and what waits for it. It is always in the page, so that it is read aloud. */
function line(): HTMLElement | null {
  const waiting = crew.outbox.waiting(crew.account);
  return region("line", [crew.language, crew.isUp, waiting, canKeep()], () => h("div", { role: "status", "data-line": crew.isUp ? "up" : "down", class: !crew.isUp || waiting.length ? "bar" : "soft" },
    h("p", {}, crew.isUp ? `● ${t("online")}` : `○ ${t("offline")}`),
    waiting.length ? h("p", {}, h("b", {}, t("waiting", { n: waiting.length }))) : null,
    waiting.length ? h("ul", { "data-waiting": waiting.length }, ...waiting.map((each) => h("li", {}, `${each.what}, ${t("pressed_at", { at: time(each.made_at) })}`))) : null,
    canKeep() ? null : h("p", {}, t("storage"))));
}
function refusals(): (HTMLElement | null)[] {
  return crew.outbox.refused(crew.account).map((each) => region(`refused ${each.key}`, crew.language, () => h("div", { class: "refused", role: "alert", "data-refused": true },
    h("p", {}, t("refused", { what: each.what, at: time(each.made_at), why: each.refused })),
    button(`understood ${each.key}`, t("understood"), () => crew.outbox.understood(each.key)))));
}
function foreign(): HTMLElement | null {
  const all = crew.isIn ? crew.outbox.foreign(crew.account) : [...crew.outbox.foreign(""), ...crew.outbox.waiting("")];
  return region("foreign", [crew.language, kept.isLeaving, all.map((each) => each.who)], () => (all.length === 0 ? null : h("div", { class: "bar", "data-foreign": all.length },
    kept.isLeaving ? h("p", {}, t("signed_out_waiting", { n: all.length }))
      : h("ul", {}, ...[...new Set(all.map((each) => each.who))].map((who) => h("li", {}, t("foreign", { who, n: all.filter((each) => each.who === who).length })))))));
}
function signIn(): HTMLElement | null {
  return region("sign-in", crew.language, () => h("form", { class: "card", submit: (event: SubmitEvent) => {
    event.preventDefault();
    allow(); // this touch allows the sound of alerts
    const form = event.target as HTMLFormElement, send = form.querySelector("button")!, password = form.querySelector<HTMLInputElement>("#password")!;
    send.disabled = true;
    void crew.signIn(form.querySelector<HTMLInputElement>("#login")!.value.trim(), password.value).finally(() => { send.disabled = false; password.value = ""; });
  } },
  h("div", {}, h("label", { for: "login" }, t("login")), h("input", { id: "login", name: "login", autocomplete: "username", autocapitalize: "none", required: true })),
  h("div", {}, h("label", { for: "password" }, t("password")), h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true })),
  h("button", { type: "submit", class: "next" }, t("sign_in"))));
}
function choosing(): HTMLElement | null {
  const { choices } = crew;
  return region("choosing", [crew.language, choices, picked, crew.isUp], () => {
    if (choices === null) return h("p", { class: "soft" }, t("loading"));
    if (choices.length === 0) return h("p", {}, t("none_units"));
    const found = choices.find((each) => each.id === picked);
    if (!found) return h("section", { class: "card" }, h("h2", {}, t("choose")), ...choices.map((each) => h("button", { type: "button", class: "unit", "data-key": each.id, "data-unit": each.id, click: () => { picked = each.id; draw(); } },
      h("b", {}, each.name), h("span", { class: "soft" }, [crew.word("unit_kinds", each.kind), each.isOnDuty ? t("taken", { status: crew.word("unit_statuses", each.status) }) : ""].filter(Boolean).join(" · ")))));
    return h("form", { class: "card", submit: (event: SubmitEvent) => {
      event.preventDefault();
      allow();
      const size = (event.target as HTMLFormElement).querySelector("input")!.value;
      void crew.signOn(found.id, size === "" ? null : Number(size)).finally(() => (picked = ""));
    } },
    h("h2", {}, `${found.name} · ${crew.word("unit_kinds", found.kind)}`),
    h("div", {}, h("label", { for: "size" }, t("crew_size")), h("input", { id: "size", type: "number", min: 0, max: 60, inputmode: "numeric" })),
    h("button", { type: "submit", class: "next" }, t("on_duty")),
    button("back", t("back_to"), () => { picked = ""; draw(); }, { class: "quiet" }));
  });
}
function alerts(): HTMLElement | null {
  const on = new Set(kept.shown?.cases.map((each) => each.case));
  const all = crew.alerts.filter((each) => on.has(each.case_id));
  return region("alerts", [crew.language, all, [...crew.fresh], isAllowed()], () => h("section", { "aria-label": t("alerts"), role: "alert", "data-alerts": all.length },
    ...all.slice(0, 3).map((each, n) => h("div", { class: `alert ${crew.fresh.has(each.key) ? "fresh" : "old"}` },
      h("span", { class: "shape", "aria-hidden": "true" }, "!"), h("p", {}, each.text, " ", h("small", { class: "soft" }, time(each.at))),
      n === 0 && crew.fresh.size ? button("seen", t("seen"), () => { hush(); crew.see(); }, { class: "next" }) : null)),
    all.length ? null : h("p", { class: "soft" }, t("no_alerts")),
    isAllowed() ? null : button("sound", t("sound"), () => { allow(); setTimeout(draw, 200); }, { class: "quiet" })));
}
function cases(): (HTMLElement | null)[] {
  const shown = kept.shown;
  if (!shown) return [];
  const first = shown.cases[0];
  if (!first && shown.moveUp) return [moving(shown.moveUp, shown.status === "available")];
  if (!first) return [region("no case", crew.language, () => h("p", { class: "soft" }, t("no_case")))];
  return shown.cases.map((each, n) => {
    const place = shown.place[each.case];
    return region(`case ${each.case}`, [crew.language, place, n], () => h("section", { class: "card", "data-case": each.case },
      h("h2", {}, n === 0 ? t("case") : t("case_next")),
      place?.drill ? h("p", { class: "drill", "data-drill": true }, `◈ ${t("drill")}`) : null,
      place?.silent ? h("p", { class: "drill", "data-silent": true }, `⊘ ${t("silent")}`) : null,
      h("p", { class: "place" }, `${place ? `■${place.priority} ` : ""}${crew.in(place?.title, each.case.slice(-8).toUpperCase())}`),
      place ? h("p", { "data-where": true }, h("b", {}, place.where || t("place")), place.lat === null ? null : ` (${place.lat.toFixed(5)}, ${place.lon!.toFixed(5)})`) : null,
      place?.lat == null ? null : h("a", { class: "button", href: `geo:${place.lat},${place.lon}`, "data-key": `geo ${each.case}` }, t("map"))));
  });
}
/** Where the unit is to wait in place of its own post. */
function moving(to: { name: string; lon: number; lat: number }, isThere: boolean): HTMLElement | null {
  return region("move", [crew.language, to, isThere], () => h("section", { class: "card", "data-move": to.name, role: "status" },
    h("h2", {}, t(isThere ? "waits_at" : "moves_to")),
    h("p", { class: "place" }, t("post_of", { to: to.name })),
    h("p", {}, `(${to.lat.toFixed(5)}, ${to.lon.toFixed(5)})`),
    isThere ? null : h("p", { class: "soft" }, t("move_done", { status: crew.word("unit_statuses", "available") })),
    h("a", { class: "button", href: `geo:${to.lat},${to.lon}`, "data-key": "geo post" }, t("map"))));
}
/** What is read once one knows where to go: below the buttons, which must be in reach. */
function more(): (HTMLElement | null)[] {
  const shown = kept.shown, first = shown?.cases[0];
  if (!shown || !first) return [];
  const place = shown.place[first.case], opened = crew.opened?.caseId === first.case ? crew.opened.words : null;
  return [region(`more ${first.case}`, [crew.language, place, opened, crew.isUp], () => h("section", { class: "card" },
    opened ? h("div", { class: "words", "data-words": true }, ...(opened.length ? opened : [t("sealed_none")]).map((text) => h("p", { dir: "auto" }, text)))
      : h("div", {}, button(`read ${first.case}`, t("read"), () => void crew.open(first.case), { disabled: !crew.isUp }), h("p", { class: "soft" }, t("read_why"))),
    place?.script.length ? h("h2", {}, t("ask")) : null,
    place?.script.length ? h("ul", { "data-script": true }, ...place.script.map((text) => h("li", {}, `• ${crew.in(text)}`))) : null)), note(first.case)];
}
function note(caseId: string): HTMLElement | null {
  return region("note", [crew.language, caseId], () => h("details", { class: "card" }, h("summary", {}, t("note")), h("form", { submit: (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.target as HTMLFormElement).querySelector("textarea")!;
    if (!field.value.trim()) return;
    crew.note(caseId, field.value.trim());
    field.value = "";
  } }, h("div", {}, h("label", { for: "note" }, t("note_label")), h("textarea", { id: "note", rows: 3, maxlength: 4000 })), h("button", { type: "submit" }, t("note_send")))));
}
function presses(): HTMLElement | null {
  const shown = kept.shown, now = crew.status;
  if (!shown) return null;
  return region("presses", [crew.language, shown.status, shown.called, shown.next, shown.since, shown.buttons, now, shown.isOnDuty], () => {
    if (!shown.isOnDuty && !now.waits) return null;
    const all = PRESSES.flatMap((means) => [{ name: means, means, label: crew.word("unit_statuses", means) }, ...shown.buttons.filter((each) => each.means === means).map((each) => ({ ...each, label: each.name }))]);
    return h("section", { "aria-label": t("status"), class: "press", "data-status": now.means }, ...all.map(({ name, means, label }) => {
      const isNow = now.name === name;
      // While something waits it is not known what may follow: the node judges each in its turn.
      const may = isNow || now.waits !== null || shown.next.includes(means) || (means === shown.status && name !== (shown.called || shown.status));
      return h("button", { type: "button", "data-key": `press ${name}`, "data-press": name, "aria-pressed": isNow, disabled: !may, class: isNow && now.waits ? "waits" : undefined, click: () => { allow(); crew.report(name, means, label); } },
        h("span", {}, label), isNow ? h("small", {}, now.waits ? t("waiting_one", { at: time(now.waits.made_at) }) : t("since", { at: time(shown.since) })) : null);
    }));
  });
}
function duty(): HTMLElement | null {
  const shown = kept.shown, isOff = shown ? !shown.isOnDuty || crew.status.means === "off_duty" : true;
  return region("duty", [crew.language, shown?.isOnDuty, isOff, kept.unit], () => h("section", { class: "card" },
    isOff ? button("on", t("duty_on"), () => void crew.signOn(kept.unit, null), { class: "next" }) : button("off", t("duty_off"), () => crew.signOff()),
    isOff ? button("other", t("back"), () => crew.other(), { class: "quiet" }) : null));
}

draw();
void crew.line();
document.addEventListener("visibilitychange", () => { if (!document.hidden) void crew.line(); });
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/crew/worker.js", { scope: "/crew" }).then(async () => {
    const worker = (await navigator.serviceWorker.ready).active;
    // What this page was made of, so that it can be loaded again where there is no line.
    const own = performance.getEntriesByType("resource").map((each) => each.name).filter((each) => each.startsWith(`${location.origin}/console/assets/`));
    worker?.postMessage({ keep: own });
  }).catch((error) => console.info("no page without a line", error));
}
