/** What every page shows of alarms, in one piece that is loaded after the first rows. */
export { default as AlarmStrip } from "./AlarmStrip.svelte";
export { default as DeviceLayer } from "./DeviceLayer.svelte";
export { default as DrillBanner } from "./DrillBanner.svelte";
export { alarms } from "./alarms.svelte";
