/** Plain elements, drawn anew only where what they show has changed. */
type Child = Node | string | null | false;

export function h<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, more: Record<string, unknown> = {}, ...children: Child[]): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) {
    if (value === undefined || value === null || (value === false && !name.startsWith("aria-"))) continue;
    if (typeof value === "function") made.addEventListener(name, value as EventListener);
    else made.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
  }
  made.append(...children.filter((each): each is Node | string => each !== null && each !== false));
  return made;
}

const drawn = new Map<string, { sign: string; node: HTMLElement }>();

/** The region `name`, built anew when `sign` is not what it was; the focus stays where it was. */
export function region(name: string, sign: unknown, build: () => HTMLElement | null): HTMLElement | null {
  const text = JSON.stringify(sign), known = drawn.get(name);
  if (known?.sign === text) return known.node;
  const node = build();
  if (node === null) drawn.delete(name);
  else drawn.set(name, { sign: text, node });
  return node;
}

/** Puts the regions into `main` in this order, moving none that is there already. */
export function arrange(main: HTMLElement, all: (HTMLElement | null)[]): void {
  const wanted = all.filter((each) => each !== null);
  const focus = (document.activeElement as HTMLElement | null)?.dataset["key"];
  for (const each of [...main.children]) if (!wanted.includes(each as HTMLElement)) each.remove();
  wanted.forEach((each, at) => { if (main.children[at] !== each) main.insertBefore(each, main.children[at] ?? null); });
  if (focus && (document.activeElement === document.body || document.activeElement === null)) main.querySelector<HTMLElement>(`[data-key="${CSS.escape(focus)}"]`)?.focus();
}
