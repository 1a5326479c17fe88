/** Two short tones for a new emergency. Never alone: the screen says it too. */
let context: AudioContext | null = null;

export function alarm(): void {
  try {
    context ??= new AudioContext();
    for (const [at, hertz] of [[0, 880], [0.22, 660]] as const) {
      const tone = context.createOscillator(), loud = context.createGain();
      tone.frequency.value = hertz;
      loud.gain.setValueAtTime(0.15, context.currentTime + at);
      loud.gain.exponentialRampToValueAtTime(0.001, context.currentTime + at + 0.2);
      tone.connect(loud).connect(context.destination);
      tone.start(context.currentTime + at);
      tone.stop(context.currentTime + at + 0.2);
    }
  } catch (error) {
    // Browsers keep silent until the page was touched; shape and text have said it already.
    console.info("no sound", error);
  }
}
