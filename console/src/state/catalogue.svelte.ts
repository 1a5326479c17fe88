/** Names of the pack and the place tree, loaded once a session. */
import { get } from "../api/client";
import type { Agency, Area, CaseType, Names } from "../api/types";
import { settings } from "./settings.svelte";

export type WordKind =
  | "events" | "clocks" | "statuses" | "reasons" | "roles" | "verbs" | "sources" | "purposes" | "needs" | "fields"
  | "unit_statuses" | "unit_kinds";

interface Pack {
  name: string;
  version: string;
  title: Names;
  languages: string[];
  zone: string;
  emergency_number?: string;
  groups: { code: string; name: Names }[];
  alarm_kinds?: Record<string, Names>;
}

class Catalogue {
  isReady = $state(false);
  pack = $state.raw<Pack | null>(null);
  types = $state.raw(new Map<string, CaseType>());
  agencies = $state.raw(new Map<string, Agency>());
  areas = $state.raw(new Map<string, Area>());
  bounds = $state.raw<[number, number, number, number] | null>(null);
  #words = $state.raw<Partial<Record<WordKind, Record<string, Names>>>>({});

  async load(): Promise<void> {
    const [pack, types, agencies, areas, words] = await Promise.all([
      get<Pack>("/api/pack"),
      get<{ case_types: CaseType[] }>("/api/case-types"),
      get<{ agencies: Agency[] }>("/api/agencies"),
      get<{ areas: Area[]; bounds: [number, number, number, number] | null }>("/api/areas"),
      get<Partial<Record<WordKind, Record<string, Names>>>>("/api/words"),
    ]);
    this.pack = pack;
    this.types = new Map(types.case_types.map((each) => [each.code, each]));
    this.agencies = new Map(agencies.agencies.map((each) => [each.id, each]));
    this.areas = new Map(areas.areas.map((each) => [each.id, each]));
    this.bounds = areas.bounds;
    this.#words = words;
    this.isReady = true;
  }
  /** A name in the reader's language, else in any. */
  in(names: Names | undefined, fallback = ""): string {
    return names?.[settings.language] ?? names?.["en"] ?? Object.values(names ?? {})[0] ?? fallback;
  }
  type(code: string): string {
    return this.in(this.types.get(code)?.title, code);
  }
  /** A kind of alarm, as the pack calls it. */
  alarmKind(code: string): string {
    return this.in(this.pack?.alarm_kinds?.[code], code.replaceAll("-", " "));
  }
  agency(id: string | null | undefined): string {
    return id ? this.in(this.agencies.get(id)?.name, id) : "";
  }
  area(id: string | null | undefined): string {
    return id ? this.in(this.areas.get(id)?.name, id) : "";
  }
  word(kind: WordKind, code: string): string {
    return this.in(this.#words[kind]?.[code], code.replaceAll("_", " "));
  }
}
export const catalogue = new Catalogue();
