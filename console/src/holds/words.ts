export const words = {
  en: {
    title: "Legal holds", lead: "While a hold stands nothing of its case is destroyed. One person places it on the page of the case, another answers it here.", waiting: "Wait for a second person", standing: "Confirmed", released: "Hold no more", which: "Which holds",
    none_waiting: "No hold waits for anybody.", none_standing: "No case is held.", none_released: "No hold has come to its end yet.", more: "Show further holds", by: "Placed by {who} on {at}", until: "until {at}",
    waits: "Holds until {at} without a second person.", confirmed: "Confirmed by a second person.", denied: "Denied.", ended: "Ended before its time.", over: "Its time is over.", unanswered: "Nobody answered in time.",
    mine: "Your own: somebody else answers it.", said: "Said and recorded.", next: "Next", previous: "Previous", turn: "Next list", case: "Look at the case",
  },
  "zh-CN": {
    title: "法定保全", lead: "保全期间，本案内容不会销毁。由一人在案件页面设置，由另一人在此答复。", waiting: "等待第二人", standing: "已确认", released: "已不再保全", which: "查看哪些保全",
    none_waiting: "没有等待答复的保全。", none_standing: "没有正在保全的案件。", none_released: "还没有结束的保全。", more: "显示更多", by: "{who} 于 {at} 设置", until: "至 {at}",
    waits: "未经第二人确认，保全至 {at}。", confirmed: "已由第二人确认。", denied: "未获同意。", ended: "已提前结束。", over: "期限已满。", unanswered: "未在期限内答复。",
    mine: "由您设置，须由他人答复。", said: "已答复并留下记录。", next: "下一项", previous: "上一项", turn: "下一个列表", case: "查看案件",
  },
} as const;
