/** How a device at its site is named, the site once. */

/** Where the common beginning of two names may end: after a mark, not in the middle of a word. */
const MARK = /[,:;·/()，：；、（）]\s*/g;
const HAN = /\p{Script=Han}/u, WORD = /[\p{L}\p{N}]/u;

/** "Block 3 · flat 2" of "Block 3" and "Block 3: flat 2". What is said is said once; nothing that
 * only one of the two says is left out. */
export function nameAt(site: string | undefined, device: string): string {
  if (!site || site === device) return device;
  let rest = device;
  if (device.startsWith(site)) {
    const next = device.charAt(site.length);
    // "Block 1" is not the beginning of "Block 12"; Chinese words have no space between them.
    if (!WORD.test(next) || HAN.test(site.slice(-1))) rest = device.slice(site.length);
  }
  if (rest === device) {
    let end = 0;
    for (const mark of site.matchAll(MARK)) {
      const to = mark.index + mark[0].length;
      if (device.startsWith(site.slice(0, to))) end = to;
    }
    rest = device.slice(end);
  }
  rest = rest.replace(/^[\s,:;·/\-–，：；、]+/u, "");
  return rest ? `${site} · ${rest}` : site;
}

/** The same where the site stands above it already. */
export function nameIn(site: string | undefined, device: string): string {
  const whole = nameAt(site, device), head = `${site} · `;
  return whole.startsWith(head) ? whole.slice(head.length) : device;
}
