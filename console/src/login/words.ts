export const words = {
  en: { title: "Sign in", login: "Name", password: "Password", go: "Sign in", expired: "Your session has ended. Sign in again; what you typed is kept.", public: "Report a problem as a resident" },
  "zh-CN": { title: "登录", login: "登录名", password: "密码", go: "登录", expired: "会话已结束，请重新登录；已输入的内容会保留。", public: "居民报告问题" },
} as const;
