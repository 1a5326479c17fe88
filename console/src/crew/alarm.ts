/** Sound and vibration for an alert. Never alone: text and shape have said it already. */
let context: AudioContext | null = null;

/** Browsers are silent until the page was touched once. */
export function allow(): void {
  try {
    context ??= new AudioContext();
    void context.resume();
  } catch (error) {
    console.info("no sound", error);
  }
}
export const isAllowed = () => context?.state === "running";
export function ring(): void {
  navigator.vibrate?.([400, 200, 400, 200, 800]);
  if (context === null) return;
  for (let n = 0; n < 6; n++) {
    const tone = context.createOscillator(), loud = context.createGain(), at = context.currentTime + n * 0.3;
    tone.frequency.value = n % 2 ? 660 : 990;
    loud.gain.setValueAtTime(0.4, at);
    loud.gain.exponentialRampToValueAtTime(0.001, at + 0.28);
    tone.connect(loud).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.3);
  }
}
export function hush(): void {
  navigator.vibrate?.(0);
}
