export const words = {
  en: {
    title: "New report", place: "Where? Address, crossing, name or coordinates", seen_place: "What the caller sees around", what: "What is the matter?", type: "Type", guessed: "Guessed from the words", questions: "Questions", script: "Say to the caller",
    contact_name: "Caller's name", contact_phone: "Phone", consent: "The caller agrees to publication", likely: "May be known already", attach: "It is this one", send: "Send", now: "Send now, ask on", sending: "Sending", sent: "Report taken", code: "Tracking code", promised: "Promised by", another: "Next call", show: "Open the case",
    route: "Goes to", none: "Nothing alike within 300 m.", need_place: "Say where: choose a place, click the map, or write what the caller sees.", need_type: "Choose a type.", no_map: "There is no map to search; type coordinates or what the caller sees.", choose: "choose", metres: "{n} m away", language: "Caller's language", attached: "Added to a known case", asked: "Sent. Go on asking: what you add becomes a note.", add: "Add as a note", added: "Added.", find_type: "Search all types",
  },
  "zh-CN": {
    title: "新报告", place: "地点：地址、路口、名称或坐标", seen_place: "来电人看到的周围情况", what: "发生了什么？", type: "类型", guessed: "根据描述推测", questions: "询问", script: "告知来电人",
    contact_name: "来电人姓名", contact_phone: "电话", consent: "来电人同意公开", likely: "可能已有记录", attach: "就是这一件", send: "发送", now: "立即发送，继续询问", sending: "正在发送", sent: "已登记", code: "查询码", promised: "承诺时限", another: "下一个来电", show: "打开案件",
    route: "将派往", none: "300 米内没有类似案件。", need_place: "请说明地点：选择地点、点击地图，或填写来电人看到的情况。", need_type: "请选择类型。", no_map: "没有可搜索的地图；请输入坐标或来电人看到的情况。", choose: "请选择", metres: "相距 {n} 米", language: "来电人语言", attached: "已追加到现有案件", asked: "已发送。请继续询问，补充内容将记为备注。", add: "记为备注", added: "已补充。", find_type: "搜索全部类型",
  },
} as const;
