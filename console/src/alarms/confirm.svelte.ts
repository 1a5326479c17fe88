/** Asks again before a real unit drives to a drill. */
class Confirm {
  asked = $state.raw<{ unit: string; what: string } | null>(null);
  #done: ((yes: boolean) => void) | null = null;
  ask(unit: string, what: string): Promise<boolean> {
    this.#done?.(false);
    this.asked = { unit, what };
    return new Promise((done) => (this.#done = done));
  }
  answer(yes: boolean): void {
    this.asked = null;
    this.#done?.(yes);
    this.#done = null;
  }
}
export const confirmDrill = new Confirm();
