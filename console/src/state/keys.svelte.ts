/** Keyboard first: screens register what a key does; `?` shows all that are live now. */
export interface Key {
  /** One key ("n"), or two in a row ("g b"). Names as in KeyboardEvent.key. With `Ctrl+` or `Alt+`
   * before it ("Alt+7", "Ctrl+Shift+Enter") it works from any field, while one types. */
  key: string;
  label: string;
  run: () => void;
  when?: () => boolean;
}

/** "Ctrl+Shift+Enter" for what is held down together; "" for a single key. */
function chordOf(event: KeyboardEvent): string {
  if (event.metaKey || !(event.ctrlKey || event.altKey)) return "";
  // The digit of the key's place: with Option, or on another layout, it would type something else.
  const key = /^Digit\d$/.test(event.code) ? event.code.slice(5) : event.key;
  const held = [event.ctrlKey && "Ctrl", event.altKey && "Alt", event.shiftKey && "Shift"];
  return [...held.filter(Boolean), key].join("+");
}

class Keys {
  #groups = new Map<symbol, Key[]>();
  /** Of a list that has the keyboard now: they win whenever they were registered. */
  #held = new Map<symbol, Key[]>();
  #first = "";
  #firstAt = 0;
  version = $state(0);

  constructor() {
    addEventListener("keydown", (event) => this.#press(event));
  }
  /** Registers keys; the returned function takes them back. Later ones win. */
  use(keys: Key[]): () => void {
    const id = Symbol();
    this.#groups.set(id, keys);
    this.version++;
    return () => {
      this.#groups.delete(id);
      this.version++;
    };
  }
  /** As `use`, for as long as one works in a list with the keyboard: these win over all others. */
  hold(keys: Key[]): () => void {
    const id = Symbol();
    this.#held.set(id, keys);
    this.version++;
    return () => {
      this.#held.delete(id);
      this.version++;
    };
  }
  get all(): Key[] {
    void this.version;
    return [...this.#groups.values(), ...this.#held.values()].flat().filter((each) => each.when?.() ?? true);
  }
  #press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return this.#pressTogether(event);
    const field = (event.target as HTMLElement).closest?.("input, textarea, select, [contenteditable]");
    // A dialog that has just closed keeps the focus for a moment: a quick hand types no more there.
    const isTyping = field && !field.closest("dialog:not([open])");
    if (isTyping && event.key !== "Escape") return;
    // An open dialog has the keyboard to itself: Escape closes it, and nothing acts beneath it.
    if (document.querySelector("dialog[open]")) return;
    const now = performance.now();
    const two = now - this.#firstAt < 1_000 ? `${this.#first} ${event.key}` : "";
    const live = this.all;
    const found =
      (two && live.findLast((each) => each.key === two)) || live.findLast((each) => each.key === event.key);
    this.#first = event.key;
    this.#firstAt = now;
    // A control that has the focus keeps its own Enter and blank.
    const onControl = (event.target as HTMLElement).closest?.("button, a, summary, [role=button]");
    if (!found || (onControl && (event.key === "Enter" || event.key === " "))) return;
    event.preventDefault();
    if (found.key === two) this.#first = "";
    found.run();
  }
  #pressTogether(event: KeyboardEvent): void {
    const chord = chordOf(event);
    if (!chord || event.repeat || document.querySelector("dialog[open]")) return;
    const found = this.all.findLast((each) => each.key === chord);
    if (!found) return;
    event.preventDefault();
    found.run();
  }
}
export const keys = new Keys();
