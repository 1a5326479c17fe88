/** What a page lets become markup or a script's address; imported first by every entry.
 *
 * The browser asks this policy wherever code hands it a bare text (Trusted Types). Plain words pass, and
 * the workers that we ship; everything else is refused, whoever asks. */
const WORKERS = /^\/(console\/assets\/[\w.-]+\.m?js|crew\/worker\.js)$/;

interface Factory { createPolicy(name: string, rules: { createHTML(text: string): string | null; createScriptURL(url: string): string | null }): unknown }

(globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy("default", {
  createHTML: (text) => (/[<&]/.test(text) ? null : text),
  createScriptURL: (url) => {
    const { origin, pathname } = new URL(url, location.href);
    return origin === location.origin && WORKERS.test(pathname) ? url : null;
  },
});

export {};
