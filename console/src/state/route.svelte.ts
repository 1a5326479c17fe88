/** Where one is: the address bar is the truth, so that every screen can be linked to. */
const BASE = "/console";

class Route {
  path = $state("/board");
  params = $state(new URLSearchParams());
  constructor() {
    this.#read();
    addEventListener("popstate", () => this.#read());
  }
  #read(): void {
    const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
    this.path = path === "" || path === "/" ? "/board" : path.replace(/\/$/, "");
    this.params = new URLSearchParams(location.search);
  }
  /** Go to a screen: `go("/case/01h", {print: "1"})`. */
  go(path: string, params: URLSearchParams | Record<string, string> = {}, replace = false): void {
    const text = new URLSearchParams(params).toString();
    const url = `${BASE}${path}${text ? `?${text}` : ""}`;
    if (replace) history.replaceState(null, "", url);
    else if (url !== location.pathname + location.search) history.pushState(null, "", url);
    this.#read();
  }
  href(path: string, params: Record<string, string> = {}): string {
    const text = new URLSearchParams(params).toString();
    return `${BASE}${path}${text ? `?${text}` : ""}`;
  }
  /** Change the filters of this screen without a new step in the history. */
  filter(params: URLSearchParams): void {
    this.go(this.path, params, true);
  }
}
export const route = new Route();
