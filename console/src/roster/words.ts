export const words = {
  en: {
    title: "Roster", key: "Roster", agency: "Agency", any_agency: "Every agency", earlier: "A day earlier", later: "A day later", today: "Now", zone: "Times of {zone}",
    gaps: "Not as planned", no_gaps: "Everybody is where the roster has them.", missing: "missing", overdue: "overdue", gap_since: "since {at}, {span}", on_duty: "on duty now", off_duty: "off duty", unit: "Unit", now_is: "now",
    plan: "Plan a duty", plan_key: "Plan a duty", from_day: "First day", from_time: "From", until_day: "Last day", until_time: "Until", crew_size: "Crew (empty: the unit’s own)", shift: "Shift, in one word", save: "Plan it", cancel: "Cancel", planned: "{unit} is planned from {from} to {to}.", twelve: "12 h", eight: "8 h", day24: "24 h",
    duty: "{unit}, {from} to {to}", chosen: "Chosen duty", people: "{n} people", own_crew: "the unit’s own crew", drop: "Call it off", dropped: "The duty of {unit} is called off.", nothing: "No duty is planned in these days.", none_units: "No unit is in your reach.", no_time: "Say from when and until when.", choose: "Choose a duty to see it, or plan one.", units_only: "The roster knows units. Who is on them stays with the agency.", unplanned: "nothing planned", close: "Close",
  },
  "zh-CN": {
    title: "排班", key: "排班", agency: "单位", any_agency: "全部单位", earlier: "前一天", later: "后一天", today: "现在", zone: "时间为 {zone}",
    gaps: "与排班不符", no_gaps: "各单元均与排班相符。", missing: "应到未到", overdue: "超时在岗", gap_since: "自 {at}，已 {span}", on_duty: "当前在岗", off_duty: "未在岗", unit: "力量单元", now_is: "现在",
    plan: "安排值勤", plan_key: "安排值勤", from_day: "开始日期", from_time: "开始时间", until_day: "结束日期", until_time: "结束时间", crew_size: "人数（留空按单元定员）", shift: "班次（一个词）", save: "安排", cancel: "取消", planned: "已安排 {unit}：{from} 至 {to}。", twelve: "12 小时", eight: "8 小时", day24: "24 小时",
    duty: "{unit}，{from} 至 {to}", chosen: "所选值勤", people: "{n} 人", own_crew: "按单元定员", drop: "取消值勤", dropped: "已取消 {unit} 的值勤。", nothing: "这几天没有安排值勤。", none_units: "您的范围内没有力量单元。", no_time: "请填写起止时间。", choose: "请选择一项值勤查看，或安排值勤。", units_only: "排班只记录力量单元，人员由各单位自行掌握。", unplanned: "未安排", close: "关闭",
  },
} as const;
