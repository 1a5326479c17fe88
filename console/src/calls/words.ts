export const words = {
  en: {
    title: "New report", place: "Where? Address, crossing, name or coordinates", seen_place: "What the caller sees around", what: "What is the matter?", type: "Type", guessed: "Guessed from the words", questions: "Questions", script: "Say to the caller",
    contact_name: "Caller's name", contact_phone: "Phone", consent: "The caller agrees to publication", likely: "May be known already", attach: "It is this one", send: "Send", now: "Send now, ask on", sending: "Sending", sent: "Report taken", code: "Tracking code", promised: "Promised by", another: "Next call", show: "Open the case",
    route: "Goes to", none: "Nothing alike within 300 m.", need_place: "Say where: choose a place, click the map, or write what the caller sees.", need_type: "Choose a type.", no_map: "There is no map to search; type coordinates or what the caller sees.", choose: "choose", metres: "{n} m away", language: "Caller's language", attached: "Added to a known case", dispatched: "Dispatched", asked: "Go on asking: what you add becomes a note.", add: "Add as a note", added: "Added.", find_type: "Type: search all, by name or code",
    note_first: "Not yet: what you asked on is not added. Add it as a note first, or clear it.", leave: "Out of the field; then back to the board, the call is kept", kept: "This call was not sent. It is as you left it.", clear: "Discard this call", clear_sure: "Discard for good",
    pick_guess: "Choose the guess: {type}", attach_to: "It is the known case: {type}", since: "since {at}", alike: "{n} % alike", comma: ", ", none_yet: "Choose a place to see what is known there.",
    address: "address", crossing: "crossing", street: "street", name: "name", point: "coordinates",
    promises: "What will be promised", within: "within {span}", by: "by {at}", by_if_dispatched: "by {at} if dispatched now", zone: "Local time, {zone}.", today: "the same day",
    minutes: "{n} minutes", minutes_1: "1 minute", hours: "{n} hours", hours_1: "1 hour", work_minutes: "{n} working minutes", work_minutes_1: "1 working minute", work_hours: "{n} working hours", work_hours_1: "1 working hour",
    work_days: "{n} working days", work_days_1: "1 working day", calendar_days: "{n} days", calendar_days_1: "1 day",
  },
  "zh-CN": {
    title: "新报告", place: "地点：地址、路口、名称或坐标", seen_place: "来电人看到的周围情况", what: "发生了什么？", type: "类型", guessed: "根据描述推测", questions: "询问", script: "告知来电人",
    contact_name: "来电人姓名", contact_phone: "电话", consent: "来电人同意公开", likely: "可能已有记录", attach: "就是这一件", send: "发送", now: "立即发送，继续询问", sending: "正在发送", sent: "已登记", code: "查询码", promised: "承诺时限", another: "下一个来电", show: "打开案件",
    route: "将派往", none: "300 米内没有类似案件。", need_place: "请说明地点：选择地点、点击地图，或填写来电人看到的情况。", need_type: "请选择类型。", no_map: "没有可搜索的地图；请输入坐标或来电人看到的情况。", choose: "请选择", metres: "相距 {n} 米", language: "来电人语言", attached: "已追加到现有案件", dispatched: "已派遣", asked: "请继续询问，补充内容将记为备注。", add: "记为备注", added: "已补充。", find_type: "类型：按名称或代码搜索全部",
    note_first: "暂不能开始：补充询问的内容尚未记录。请先记为备注，或将其清空。", leave: "离开输入框；再按返回工作台，来电内容保留", kept: "此来电尚未发送，内容与离开时相同。", clear: "放弃此来电", clear_sure: "确认放弃",
    pick_guess: "选用推测：{type}", attach_to: "就是已有案件：{type}", since: "始于 {at}", alike: "相似度 {n} %", comma: "、", none_yet: "选择地点后显示该处的已有案件。",
    address: "地址", crossing: "路口", street: "街道", name: "名称", point: "坐标",
    promises: "将作出的承诺", within: "{span}内", by: "不晚于 {at}", by_if_dispatched: "如立即派遣，不晚于 {at}", zone: "当地时间（{zone}）。", today: "当日",
    minutes: "{n} 分钟", minutes_1: "1 分钟", hours: "{n} 小时", hours_1: "1 小时", work_minutes: "{n} 个工作分钟", work_minutes_1: "1 个工作分钟", work_hours: "{n} 个工作小时", work_hours_1: "1 个工作小时",
    work_days: "{n} 个工作日", work_days_1: "1 个工作日", calendar_days: "{n} 天", calendar_days_1: "1 天",
  },
} as const;
