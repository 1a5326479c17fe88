/** Where the live stream hands on what it tells of alarms and devices; the part of the screen that
 * shows them comes after the board and takes its place here. */
import type { LiveAlarm, LiveAsset } from "../alarms/types";

interface Taker {
  onAlarm(told: LiveAlarm): void;
  onAsset(told: LiveAsset): void;
  /** The board was read anew: what was told meanwhile is not known. */
  onStart(): void;
}
export const devices: { taker: Taker | null } = { taker: null };
