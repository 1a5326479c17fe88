/** What a person chose on this machine: language, theme, sound. Kept in the browser, nowhere else. */
export type Language = "en" | "zh-CN";
export type Theme = "light" | "dark" | "system";

const KEY = "tocsin.settings";

function stored(): Partial<{ language: Language; theme: Theme; sound: boolean }> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {}; // a damaged or forbidden storage is no reason to show nothing
  }
}

class Settings {
  language = $state<Language>("en");
  theme = $state<Theme>("system");
  sound = $state(true);
  hasChosenLanguage = false;
  #system = matchMedia("(prefers-color-scheme: dark)");
  #systemIsDark = $state(false);

  constructor() {
    const found = stored();
    const own: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
    this.hasChosenLanguage = found.language !== undefined;
    this.language = found.language ?? own;
    this.theme = found.theme ?? "system";
    this.sound = found.sound ?? true;
    this.#systemIsDark = this.#system.matches;
    this.#system.addEventListener("change", (event) => (this.#systemIsDark = event.matches));
  }

  get isDark(): boolean {
    return this.theme === "dark" || (this.theme === "system" && this.#systemIsDark);
  }

  save(): void {
    try {
      const { language, theme, sound } = this;
      localStorage.setItem(KEY, JSON.stringify({ language, theme, sound }));
    } catch {
      // Private windows may forbid it; the choice then holds for this tab.
    }
  }
}

export const settings = new Settings();
