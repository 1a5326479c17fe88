/** What the crew's page knows, and how it changes. Nothing here draws anything. */
import { Live } from "../api/live";
import type { LiveUnit, Unit } from "../api/types";
import { ring } from "./alarm";
import { NoLine, Refused, ask, newKey, nodeNow, setClock, speakIn, useCsrf } from "./node";
import { Outbox, type Press, type Sent } from "./outbox";
import { keep, kept, type Place } from "./store";
import { WORDS, type Language, type Word } from "./words";

export interface Alert { key: string; case_id: string; at: string; text: string }
interface Me { account: string; csrf: string | null; language: string }
/** How often a lost line is tried; a crew in a garage comes back within seconds. */
const AGAIN_MS = 4_000;
type Names = Record<string, string>;
export interface Choice { id: string; name: string; kind: string; status: string; isOnDuty: boolean; agency: string }

export class Crew {
  isKnown = false; // whether anybody knows who is signed in
  me: Me | null = null;
  isUp = true;
  said = "";
  alerts: Alert[] = [];
  fresh = new Set<string>(); // alerts that nobody has said to have seen
  choices: Choice[] | null = null;
  opened: { caseId: string; words: string[] } | null = null;
  get words(): Record<string, Record<string, Names>> {
    return kept.words;
  }
  #agencies: { id: string; unit_statuses: { name: string; means: string }[] }[] = [];
  #live: Live | null = null;
  #known = new Set<string>();
  readonly outbox: Outbox;

  constructor(readonly draw: () => void) {
    this.outbox = new Outbox((press) => this.#send(press), draw);
    speakIn(this.language);
    setInterval(() => { if (this.isKnown && (!this.isUp || kept.isLeaving)) void this.line(); }, AGAIN_MS);
    addEventListener("online", () => void this.line());
    addEventListener("offline", () => { this.isUp = false; draw(); });
  }
  get language(): Language {
    const found = kept.language || navigator.language;
    return found.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
  }
  set language(now: Language) {
    kept.language = now;
    keep();
    speakIn(now);
    this.opened = null;
    void this.#alerted(false);
    this.draw();
  }
  t = (name: Word, values: Record<string, string | number> = {}): string => {
    let text: string = WORDS[this.language][name];
    for (const [key, value] of Object.entries(values)) text = text.replaceAll(`{${key}}`, String(value));
    return text;
  };
  in(names: Names | undefined, otherwise = ""): string {
    return names?.[this.language] ?? names?.["en"] ?? Object.values(names ?? {})[0] ?? otherwise;
  }
  word(kind: string, code: string): string {
    return this.in(this.words[kind]?.[code], code.replaceAll("_", " "));
  }
  get account(): string {
    return this.me?.account ?? kept.account;
  }
  /** Signed in, or signed in when there was last a line. */
  get isIn(): boolean {
    return !kept.isLeaving && (this.me !== null || ((!this.isUp || !this.isKnown) && kept.account !== ""));
  }

  // -- the line ----------------------------------------------------------------------
  /** Asks who is signed in, sends what waits, and follows the unit. Without a line it waits. */
  line(): Promise<void> {
    this.#asking ??= this.#line().finally(() => (this.#asking = null));
    return this.#asking;
  }
  #asking: Promise<void> | null = null;
  async #line(): Promise<void> {
    try {
      const me = await ask<Me>("GET", "/api/session");
      this.isUp = true;
      this.#take(me);
      await this.#catchUp();
    } catch (error) {
      this.#fell(error);
    } finally {
      this.isKnown = true;
      this.draw();
    }
  }
  async #catchUp(): Promise<void> {
    await this.outbox.flush(this.account);
    if (kept.isLeaving) {
      if (this.outbox.waiting(this.account).length === 0) await this.#leave();
      return;
    }
    if (this.#agencies.length === 0) {
      const [words, agencies] = await Promise.all([ask<typeof kept.words>("GET", "/api/words"), ask<{ agencies: { id: string; unit_statuses: { name: string; means: string }[] }[] }>("GET", "/api/agencies")]);
      kept.words = { unit_statuses: words["unit_statuses"] ?? {}, unit_kinds: words["unit_kinds"] ?? {} };
      keep();
      this.#agencies = agencies.agencies;
    }
    if (kept.unit) await this.#read();
    else await this.choose();
    this.#follow();
  }
  /** A line that broke is told and waited for; an ended session is told; a refusal is said. */
  #fell(error: unknown): void {
    if (error instanceof NoLine) {
      this.isUp = false;
      this.said = "";
    } else if (error instanceof Refused && error.status === 401) {
      this.isUp = true;
      this.#stop();
      this.said = this.me === null ? "" : this.t("expired");
      this.me = null;
      // A session that ended on the node has no alerts any more, also not on this phone.
      if (kept.account) this.#clear();
    } else if (error instanceof Refused) this.said = error.message;
    else {
      console.error(error);
      this.said = this.t("failed");
    }
  }
  #take(me: Me): void {
    if (kept.account && kept.account !== me.account) Object.assign(kept, { unit: "", shown: null, isLeaving: false });
    this.me = me;
    useCsrf(me.csrf);
    kept.account = me.account;
    speakIn(this.language);
    keep();
  }
  #follow(): void {
    if (this.#live !== null) return;
    this.#live = new Live(Number.MAX_SAFE_INTEGER, {
      onCase: (item) => { if (kept.shown?.place[item.case]) void this.#place(item.case, true); },
      onUnit: (unit) => { if (unit.id === kept.unit) this.#onUnit(unit); },
      onPresence: () => {},
      onTime: (now, rate) => setClock(now, rate),
      onReset: () => void this.#read().catch((error) => this.#fell(error)),
      onLine: (isUp) => {
        const was = this.isUp;
        this.isUp = isUp;
        // Up: what was missed is read, what waits is sent. Down: it may be the session that ended.
        if (isUp !== was) void this.line();
        if (isUp !== was) this.draw();
      },
    });
  }
  #stop(): void {
    this.#live?.close();
    this.#live = null;
  }

  // -- the unit ----------------------------------------------------------------------
  #onUnit(unit: LiveUnit): void {
    this.#show({ ...unit, capabilities: [], position: null });
    void this.#alerted(true);
    // The alert is written after the sending, by an errand of its own.
    for (const wait of [700, 2_000, 6_000]) setTimeout(() => void this.#alerted(true), wait);
  }
  #show(unit: Unit): void {
    if (!unit.is_on_duty) this.#clear(false);
    const own = this.#agencies.find((each) => each.id === unit.agency)?.unit_statuses ?? kept.shown?.buttons ?? [];
    const place = kept.shown?.place ?? {}, before = kept.shown?.moveUp?.since ?? "";
    // Told like an alert: somebody has to look, though there is no case.
    if (unit.move_up && unit.move_up.since !== before) ring();
    kept.shown = {
      name: unit.name, kind: unit.kind, agency: unit.agency, status: unit.status, called: unit.called, next: unit.next, since: unit.since, isOnDuty: unit.is_on_duty, buttons: own,
      cases: unit.cases.map((each) => ({ case: each.case, isStacked: each.is_stacked })),
      moveUp: unit.move_up ? { name: unit.move_up.name, ...unit.move_up.place, since: unit.move_up.since } : null,
      place: Object.fromEntries(Object.entries(place).filter(([id]) => unit.cases.some((each) => each.case === id))),
    };
    if (this.opened && !unit.cases.some((each) => each.case === this.opened?.caseId)) this.opened = null;
    keep();
    for (const each of unit.cases) void this.#place(each.case);
    this.draw();
  }
  async #read(): Promise<void> {
    try {
      this.#show(await ask<Unit>("GET", `/api/units/${encodeURIComponent(kept.unit)}`));
    } catch (error) {
      if (!(error instanceof Refused) || ![403, 404].includes(error.status)) throw error;
      kept.unit = "";
      kept.shown = null;
      keep();
      this.said = this.t("gone");
      return this.choose();
    }
    await this.#alerted(true);
  }
  async choose(): Promise<void> {
    const found = (await ask<{ units: Unit[] }>("GET", "/api/units")).units;
    this.choices = found.map((each) => ({ id: each.id, name: each.name, kind: each.kind, status: each.status, isOnDuty: each.is_on_duty, agency: each.agency }));
    this.draw();
  }
  async #alerted(mayRing: boolean): Promise<void> {
    if (!kept.unit || this.me === null || kept.isLeaving) return;
    try {
      const found = (await ask<{ alerts: Alert[] }>("GET", `/api/units/${encodeURIComponent(kept.unit)}/alerts`)).alerts;
      if (kept.isLeaving || !kept.shown?.isOnDuty) return;
      const news = found.filter((each) => !this.#known.has(each.key));
      for (const each of news) {
        this.#known.add(each.key);
        // Only what concerns a case of now calls anybody; the rest is there to be read.
        if (kept.shown?.cases.some((one) => one.case === each.case_id)) this.fresh.add(each.key);
      }
      this.alerts = found;
      if (mayRing && news.some((each) => this.fresh.has(each.key))) ring();
      this.draw();
    } catch (error) {
      if (!(error instanceof NoLine)) console.info("no alerts", error);
    }
  }
  /** Where a case is and what to ask there; kept until the unit has left it. */
  async #place(id: string, again = false): Promise<void> {
    if (kept.shown === null || (kept.shown.place[id] && !again)) return;
    try {
      const found = await ask<{ case_type: string; priority: number; is_drill: boolean; is_silent: boolean; place: { lon: number; lat: number } | null }>("GET", `/api/cases/${encodeURIComponent(id)}`);
      const type = await ask<{ title: Names; script: Names[] }>("GET", `/api/case-types/${encodeURIComponent(found.case_type)}`);
      let where = "";
      if (found.place) {
        const near = await ask<{ place: { label: string; area: string | null } | null }>("GET", `/api/places/near?lon=${found.place.lon}&lat=${found.place.lat}`).catch(() => null);
        where = [near?.place?.label, near?.place?.area].filter(Boolean).join(", ");
      }
      const shown: Place = { title: type.title, script: type.script, type: found.case_type, priority: found.priority, drill: found.is_drill, silent: found.is_silent, where, lon: found.place?.lon ?? null, lat: found.place?.lat ?? null };
      if (!kept.shown?.cases.some((each) => each.case === id)) return; // it left the case meanwhile
      kept.shown.place[id] = shown;
      keep();
      this.draw();
    } catch (error) {
      if (!(error instanceof NoLine)) console.info("no case", error);
    }
  }

  // -- what is pressed ---------------------------------------------------------------
  async #send(press: Press): Promise<Sent> {
    try {
      const answer = await ask<Unit | null>("POST", press.path, press.body, press.key);
      if (answer && press.path.startsWith("/api/units/") && press.unit === kept.unit && "next" in answer) this.#show(answer);
      return "taken";
    } catch (error) {
      if (error instanceof NoLine) {
        this.isUp = false;
        return "no_line";
      }
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) {
        this.#fell(error);
        return "no_session";
      }
      return { refused: error.message };
    }
  }
  #press(path: string, body: Record<string, unknown>, what: string, means = ""): void {
    this.said = "";
    this.outbox.add({ key: newKey(), account: this.account, who: kept.name || this.account, unit: kept.unit, path, body, what, means, made_at: new Date(nodeNow()).toISOString(), refused: "" });
    if (this.me !== null) void this.outbox.flush(this.account).then(() => this.draw());
    this.draw();
  }
  /** The status as the crew sees it: what waits counts already. */
  get status(): { means: string; name: string; waits: Press | null } {
    const last = this.outbox.waiting(this.account).findLast((each) => each.unit === kept.unit && each.means);
    const shown = kept.shown;
    if (last) return { means: last.means, name: String(last.body["status"] ?? ""), waits: last };
    return { means: shown?.status ?? "", name: shown?.called || (shown?.status ?? ""), waits: null };
  }
  report(name: string, means: string, label: string): void {
    const now = this.status;
    if (now.name === name) return; // a double press is one press
    const made = new Date(nodeNow()).toISOString(), first = kept.shown?.cases[0]?.case;
    const cleared = this.outbox.waiting(this.account).some((each) => each.unit === kept.unit && each.means === "clear");
    const about = first && !cleared ? { case: first } : {};
    this.#press(`/api/units/${encodeURIComponent(kept.unit)}/report-status`, { status: name, ...about, stated_at: made }, label, means);
  }
  note(caseId: string, text: string): void {
    this.#press(`/api/cases/${encodeURIComponent(caseId)}/add-note`, { text }, `${this.t("note_label")}: ${text.slice(0, 60)}`);
  }
  async signOn(unit: string, crewSize: number | null): Promise<void> {
    try {
      const now = await ask<Unit>("POST", `/api/units/${encodeURIComponent(unit)}/start-duty`, crewSize === null ? {} : { crew_size: crewSize }, newKey());
      kept.unit = unit;
      this.choices = null;
      this.said = "";
      this.#show(now);
      await this.#alerted(true);
      this.#follow();
    } catch (error) {
      this.#fell(error);
      if (error instanceof NoLine) this.said = this.t("lost");
      this.draw();
    }
  }
  /** Alerts are gone here at once, whatever becomes of the line. */
  signOff(): void {
    if ((kept.shown?.cases.length ?? 0) === 0) this.#clear(false);
    this.#press(`/api/units/${encodeURIComponent(kept.unit)}/end-duty`, { reason: "shift_over" }, this.t("duty_off"), "off_duty");
  }
  async open(caseId: string): Promise<void> {
    interface Value { kind: string; media_type: string; text: string | null }
    try {
      const found = (await ask<{ values: Value[] }>("POST", `/api/cases/${encodeURIComponent(caseId)}/sealed`, { purpose: "handling" })).values;
      this.opened = { caseId, words: found.flatMap((each) => (each.kind === "contact" || !each.text ? [] : plain(each.text))) };
    } catch (error) {
      this.#fell(error);
      if (error instanceof NoLine) this.said = this.t("lost");
    }
    this.draw();
  }

  // -- coming and going --------------------------------------------------------------
  async signIn(login: string, password: string): Promise<void> {
    try {
      const me = await ask<Me>("POST", "/api/login", { login, password });
      this.isUp = true;
      kept.isLeaving = false;
      this.#take(me);
      kept.name = login;
      this.said = "";
      keep();
      await this.#catchUp();
    } catch (error) {
      if (error instanceof NoLine) this.said = this.t("lost");
      else if (error instanceof Refused) this.said = error.message;
      else this.#fell(error);
    }
    this.draw();
  }
  async signOut(): Promise<void> {
    kept.isLeaving = true;
    this.#stop();
    this.#clear();
    keep();
    this.draw();
    await this.line();
  }
  async #leave(): Promise<void> {
    await ask("POST", "/api/logout");
    useCsrf(null);
    this.me = null;
    this.#stop();
    Object.assign(kept, { account: "", name: "", unit: "", shown: null, isLeaving: false });
    keep();
  }
  /** Alerts, words and places of cases leave the phone. */
  #clear(withUnit = true): void {
    this.alerts = [];
    this.fresh.clear();
    this.opened = null;
    if (kept.shown) kept.shown.place = {};
    if (withUnit) kept.shown = null;
    keep();
  }
  other(): void {
    kept.unit = "";
    kept.shown = null;
    keep();
    void this.choose().catch((error) => this.#fell(error)).finally(() => this.draw());
  }
  see(): void {
    this.fresh.clear();
    navigator.vibrate?.(0);
    this.draw();
  }
}

/** A description may be words, or words with the free answers of its form. */
function plain(text: string): string[] {
  if (!text.startsWith("{")) return [text];
  try {
    return Object.entries(JSON.parse(text) as Record<string, unknown>).flatMap(([name, each]) => (each == null || each === "" ? [] : typeof each === "object" ? Object.entries(each).map(([k, v]) => `${k}: ${String(v)}`) : [name === "text" ? String(each) : `${name}: ${String(each)}`]));
  } catch {
    return [text];
  }
}
