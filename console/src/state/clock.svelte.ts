/** The node's time, as its stream tells it: a demo's hour may last a minute here. */
class NodeClock {
  /** Milliseconds since the epoch, moved on twice a second for everything that counts down. */
  now = $state(Date.now());
  rate = 1;
  #base = Date.now();
  #at = performance.now();
  constructor() {
    setInterval(() => (this.now = this.read()), 500);
  }
  read(): number {
    return this.#base + (performance.now() - this.#at) * this.rate;
  }
  set(now: string, rate: number): void {
    this.#base = Date.parse(now);
    this.#at = performance.now();
    this.rate = rate > 0 ? rate : 1;
    this.now = this.#base;
  }
}
export const clock = new NodeClock();
