/** Who is signed in, and what they may see. */
import { get, post, Refusal, useCsrf, whenSignedOut } from "../api/client";
import type { Me } from "../api/types";
import { askForPasskey, type Question } from "../login/passkey";
import { settings, type Language } from "./settings.svelte";

class Session {
  me = $state<Me | null>(null);
  isKnown = $state(false);
  /** The session ended while somebody worked: sign in over the page, which stays as it is. */
  hasExpired = $state(false);
  /** What was asked for needs a sign-in just now: done over the page as well. */
  isStale = $state(false);

  constructor() {
    whenSignedOut(() => {
      if (this.me !== null) this.hasExpired = true;
    });
  }
  #take(me: Me): void {
    useCsrf(me.csrf);
    this.me = me;
    this.hasExpired = false;
    this.isStale = false;
    if (!settings.hasChosenLanguage) settings.language = me.language as Language;
  }
  async load(): Promise<void> {
    try {
      let me = await get<Me>("/api/session");
      useCsrf(me.csrf);
      // Rights that came since are carried by a new token only.
      if (me.renewal_due) me = await post<Me>("/api/session/renew");
      this.#take(me);
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 401)) throw error;
      this.me = null;
    } finally {
      this.isKnown = true;
    }
  }
  async login(login: string, password: string): Promise<void> {
    this.#take(await post<Me>("/api/login", { login, password }));
  }
  async loginByPasskey(): Promise<void> {
    const credential = await askForPasskey(await post<Question>("/api/passkeys/question"));
    this.#take(await post<Me>("/api/passkeys/login", { credential }));
  }
  /** One's own new password: the other browsers are signed out, this one goes on. */
  async changePassword(old: string, fresh: string): Promise<void> {
    this.#take(await post<Me>("/api/account/password", { old, new: fresh }));
  }
  async logout(): Promise<void> {
    const { provider } = await post<{ provider: string | null }>("/api/logout");
    useCsrf(null);
    this.me = null;
    if (provider) location.assign(provider); // one who signed on there is signed out there too
  }
  has(...roles: string[]): boolean {
    return this.me?.grants.some((grant) => roles.includes(grant.role)) ?? false;
  }
  /** The agencies this person works for. */
  get agencies(): string[] {
    return [...new Set((this.me?.grants ?? []).flatMap((grant) => (grant.agency ? [grant.agency] : [])))];
  }
}
export const session = new Session();
