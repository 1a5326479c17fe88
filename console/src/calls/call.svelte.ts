/** One call: what was typed, what the node said to it, and its receipt. The next call is a new one,
 * so that nothing of the last caller can stay on the screen. */
import { get, newKey, post, query } from "../api/client";
import type { Names } from "../api/types";
import { catalogue } from "../state/catalogue.svelte";
import { session } from "../state/session.svelte";
import { settings } from "../state/settings.svelte";
import { Asking } from "./asking";

export interface Place { kind: string; label: string; lon: number; lat: number; area?: string | null }
export interface Guess { case_type: string; title: Names; share: number }
export interface Twin { case_id: string; likeness: number; status: string; case_type: string; distance_m: number; opened_at: string; reasons: { words: string }[] }
export interface Field { code: string; kind: string; label: Names; hint: Names | null; required: boolean; values: { code: string; name: Names }[]; is_question: boolean }
export interface Full { code: string; form: Field[]; script: Names[]; fast_path: boolean; priority: 1 | 2 | 3 | 4; profile: string; clocks: { name: string; kind: string; amount: number }[] }
export interface Preview { lead: string | null; promises: { name: string; due_at: string }[] }
export interface Receipt { case_id: string; code: string; case_type: string; promised_at: string | null }
export type Answer = string | number | string[] | null | undefined;

export const GUESSES = 3;
/** The keys of the likely cases: digits, which no browser keeps to itself, clear of the guesses. */
export const TWIN_KEYS = ["Alt+6", "Alt+7", "Alt+8", "Alt+9"];

/** The pack does not change while a page is open: a form is asked for once. */
const forms = new Map<string, Full>();

const texts = (value: Answer): string[] =>
  (Array.isArray(value) ? value : [value ?? ""]).map((each) => String(each).trim()).filter((each) => each !== "");

export class Call {
  where = $state("");
  place = $state.raw<Place | null>(null);
  sees = $state("");
  text = $state("");
  type = $state("");
  isTypeChosen = false;
  answers = $state<Record<string, Answer>>({});
  name = $state("");
  phone = $state("");
  language = $state<string>(settings.language);
  consent = $state(false);

  places = $state.raw<Place[]>([]);
  /** What the places answer to. */
  askedPlaces = $state("");
  hasMap = $state(true);
  guesses = $state.raw<Guess[]>([]);
  full = $state.raw<Full | null>(null);
  twins = $state.raw<Twin[]>([]);
  preview = $state.raw<Preview | null>(null);
  /** Why the node can not say where it goes: outside the county, for example. */
  unclear = $state("");

  receipt = $state.raw<Receipt | null>(null);
  how = $state<"sent" | "attached" | "dispatched">("sent");
  /** What is asked after the sending, for a note. */
  more = $state("");
  key = newKey();
  #slots: (string | null)[] = TWIN_KEYS.map(() => null);
  #sentAnswers = "{}";

  readonly #askPlaces = new Asking(
    (q: string, signal) => get<{ places: Place[]; has_map: boolean }>(`/api/places${query({ q, limit: 6 })}`, signal),
    (found, q) => { this.places = found.places; this.hasMap = found.has_map; this.askedPlaces = q; },
  );
  readonly #askGuess = new Asking(
    (text: string, signal) => post<{ guesses: Guess[] }>("/api/guess", { text }, { signal }),
    (found) => {
      this.guesses = found.guesses.slice(0, GUESSES);
      const first = this.guesses[0];
      // What was asked and answered already belongs to the type it was asked for.
      if (first && !this.isTypeChosen && !this.hasAnswers) this.type = first.case_type;
    },
  );
  readonly #askForm = new Asking(
    (code: string, signal) => get<Full>(`/api/case-types/${encodeURIComponent(code)}`, signal),
    (found) => { forms.set(found.code, found); this.full = found; },
  );
  readonly #askTwins = new Asking(
    (body: Record<string, unknown>, signal) => post<{ candidates: Twin[] }>("/api/likely", body, { signal }),
    (found) => this.#show(found.candidates.slice(0, TWIN_KEYS.length)),
    () => this.#show([]),
  );
  readonly #askPreview = new Asking(
    (body: Record<string, unknown>, signal) => post<Preview>("/api/explain", body, { signal }),
    (found) => { this.preview = found; this.unclear = ""; },
    (refusal) => { this.preview = null; this.unclear = refusal.message; },
  );

  get hasAnswers(): boolean {
    return Object.values(this.answers).some((each) => texts(each).length > 0);
  }
  /** Whether leaving would lose something. */
  get isUnsent(): boolean {
    if (this.receipt) return this.more.trim() !== "" || this.news().length > 0;
    return [this.where, this.sees, this.text, this.name, this.phone].some((each) => each.trim() !== "") || this.hasAnswers;
  }
  get isUrgent(): boolean {
    return this.full?.profile === "emergency";
  }
  get questions(): Field[] {
    return this.full?.form.filter((each) => each.is_question) ?? [];
  }

  // -- what the screen asks as things change ------------------------------------------

  /** What is written as a place to look for, or nothing. */
  get #wanted(): string {
    const q = this.where.trim();
    return q.length >= 2 && q !== this.place?.label ? q : "";
  }
  /** The places shown answer to something that was written before. */
  get arePlacesLate(): boolean {
    return this.#wanted !== "" && this.#wanted !== this.askedPlaces;
  }
  findPlaces(): void {
    const q = this.#wanted;
    if (q) return this.#askPlaces.put(q);
    this.#askPlaces.drop();
    this.places = [];
    this.askedPlaces = "";
  }
  guess(): void {
    const words = this.text.trim();
    if (words.length >= 3) return this.#askGuess.put(words);
    this.#askGuess.drop();
    this.guesses = [];
  }
  load(): void {
    this.#askForm.drop();
    const known = forms.get(this.type) ?? null;
    this.full = known;
    if (this.type && !known) this.#askForm.put(this.type);
  }
  findTwins(): void {
    const [here, words] = [this.place, this.text.trim()];
    if (!here) {
      this.#askTwins.drop();
      return this.#show([]);
    }
    const body = { text: words || "-", ...(this.type ? { case_type: this.type } : {}), place: { lon: here.lon, lat: here.lat } };
    this.#askTwins.put(body);
  }
  explain(round: number): void {
    const here = this.place;
    if (here && this.type) {
      // The answers too: a rule of the pack may ask for them.
      return this.#askPreview.put({ case_type: this.type, place: { lon: here.lon, lat: here.lat }, answers: this.given() }, round);
    }
    this.#askPreview.drop();
    this.preview = null;
    this.unclear = "";
  }
  /** Nothing more comes in from the node: the call is sent, or its screen is left. */
  rest(): void {
    for (const each of [this.#askPlaces, this.#askGuess, this.#askForm, this.#askTwins, this.#askPreview]) each.drop();
  }

  // -- what a hand does ----------------------------------------------------------------

  choose(place: Place): void {
    this.place = place;
    this.where = place.label;
    this.places = [];
  }
  /** A point of the map, at once; what people call it as soon as the node has said so. */
  async point(lon: number, lat: number): Promise<void> {
    const label = `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
    this.choose({ kind: "point", label, lon, lat });
    const near = await get<{ place: Place | null }>(`/api/places/near${query({ lon, lat })}`).catch(() => null);
    if (near?.place && this.place?.label === label && !this.receipt) this.choose({ kind: "point", label: near.place.label, lon, lat });
  }
  pick(code: string): void {
    this.isTypeChosen = true;
    this.type = code;
  }
  /** A case keeps its key while it is shown, however the likenesses change: no key may come to mean
   * another case between the eye and the finger. */
  #show(twins: Twin[]): void {
    const ids = twins.map((each) => each.case_id);
    this.#slots = this.#slots.map((id) => (id !== null && ids.includes(id) ? id : null));
    for (const id of ids) if (!this.#slots.includes(id)) this.#slots[this.#slots.indexOf(null)] = id;
    this.twins = twins;
  }
  keyOf(twin: Twin): string {
    return TWIN_KEYS[this.#slots.indexOf(twin.case_id)] ?? "";
  }
  twinAt(n: number): Twin | undefined {
    return this.twins.find((each) => each.case_id === this.#slots[n]);
  }

  // -- what goes to the node -------------------------------------------------------------

  /** The answers as the node takes them; a number field binds a number, several choices a list.
   * What was answered for another type stays where it is, and stays here unless asked here too. */
  given(): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const field of this.questions) {
      const known = new Set(field.values.map((each) => each.code));
      const said = texts(this.answers[field.code]).filter((each) => !known.size || known.has(each));
      if (said.length) found[field.code] = said;
    }
    return found;
  }
  body(isNow: boolean, type = this.type): Record<string, unknown> {
    const address = [this.where.trim(), this.sees.trim()].filter(Boolean).join("; ").slice(0, 500);
    const [name, phone] = [this.name.trim(), this.phone.trim()];
    const contact = { ...(name ? { name } : {}), ...(phone ? { phone } : {}) };
    return {
      source: "phone", case_type: type, text: this.text.trim() || catalogue.type(type),
      ...(this.place ? { place: { lon: this.place.lon, lat: this.place.lat } } : {}),
      ...(address ? { address } : {}), ...(name || phone ? { contact } : {}),
      answers: this.given(), language: this.language, consent: this.consent, dispatch_now: isNow,
    };
  }
  sent(receipt: Receipt, how: Call["how"]): void {
    this.rest();
    this.receipt = receipt;
    this.how = how;
    this.kept();
  }
  /** What is answered now is with the node. */
  kept(): void {
    this.#sentAnswers = JSON.stringify(this.given());
    this.more = "";
  }
  /** What was asked and answered since, in the words of the screen. */
  news(): string[] {
    const before = JSON.parse(this.#sentAnswers) as Record<string, string[]>;
    const now = this.given();
    return this.questions.flatMap((field) => {
      const said = now[field.code];
      if (!said || JSON.stringify(said) === JSON.stringify(before[field.code])) return [];
      const named = said.map((each) => catalogue.in(field.values.find((value) => value.code === each)?.name, each));
      return [`${catalogue.in(field.label)}: ${named.join(", ")}`];
    });
  }
}

/** The call that is being taken. It stays when one looks at another screen, and goes with the person. */
class CallDesk {
  call = $state.raw(new Call());
  #owner: string | null = null;
  constructor() {
    addEventListener("beforeunload", (event) => {
      if (this.call.isUnsent) event.preventDefault();
    });
    $effect.root(() => {
      $effect(() => {
        const me = session.me?.account ?? null;
        if (this.#owner !== null && me !== this.#owner) this.next();
        this.#owner = me;
      });
    });
  }
  next(): void {
    this.call.rest();
    this.call = new Call();
  }
}
export const desk = new CallDesk();
