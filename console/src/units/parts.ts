/** What a board shows of units, in one piece that is loaded after its rows. */
import { board } from "../state/board.svelte";
import { catalogue } from "../state/catalogue.svelte";
import { units } from "../state/units.svelte";
import { notices } from "../ui/notices.svelte";
import { speak } from "../words";
import { drag } from "./drag.svelte";
import { order } from "./order";
import { statusOf } from "./say";
import { words } from "./words";

export { default as Ghost } from "./Ghost.svelte";
export { default as UnitList } from "./UnitList.svelte";
export { default as UnitPanel } from "./UnitPanel.svelte";
export { default as Advice } from "../dispatch/Advice.svelte";
export { default as Layers } from "../dispatch/Layers.svelte";
export { layers } from "../dispatch/layers.svelte";

const t = speak(words);

/** A unit let go over a case is sent there; the returned function ends it. */
export function useDrop(): () => void {
  return drag.use((id, caseId) => void drop(id, caseId));
}

async function drop(id: string, caseId: string): Promise<void> {
  const unit = units.all.get(id), item = board.cases.get(caseId);
  if (!unit || !item || unit.cases.some((each) => each.case === caseId)) return;
  if (!unit.is_free) return notices.say(t("not_free", { unit: unit.name, status: statusOf(unit) }), "refused");
  try {
    await order(id, "send", { case: caseId, reason: "by_hand" });
    notices.say(`${t("sent", { unit: unit.name, what: catalogue.type(item.type) })} ${t("sent_undo")}`);
  } catch (error) {
    notices.fail(error);
  }
}
