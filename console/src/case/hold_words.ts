export const words = {
  en: {
    title: "Legal hold", held: "nothing of this case is destroyed", until: "until {at}", court: "A court", investigation: "An investigation", audit: "An audit", claim: "A claim", reason: "Who needs it", days: "Days", place: "Place a hold",
    confirmed: "Confirmed by a second person.", denied: "Denied: it holds no more.", ended: "Ended before its time.", waits: "Holds until {at} without a second person.", over: "Nobody confirmed it in time: it holds no more.",
    say_confirmed: "Confirm", say_denied: "Deny", say_ended: "End the hold", mine: "Your own: somebody else confirms it.",
  },
  "zh-CN": {
    title: "法定保全", held: "本案内容不会销毁", until: "至 {at}", court: "法院", investigation: "调查", audit: "审计", claim: "索赔", reason: "需要方", days: "天数", place: "设置保全",
    confirmed: "已由第二人确认。", denied: "未获同意，不再保全。", ended: "已提前结束。", waits: "未经第二人确认，保全至 {at}。", over: "未在期限内确认，不再保全。",
    say_confirmed: "确认", say_denied: "不同意", say_ended: "结束保全", mine: "由您设置，须由他人确认。",
  },
} as const;
