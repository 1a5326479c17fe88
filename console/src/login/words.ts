export const words = {
  en: {
    title: "Sign in", login: "Name", password: "Password", go: "Sign in", expired: "Your session has ended. Sign in again; what you typed is kept.", public: "Report a problem as a resident",
    passkey: "Sign in with a passkey", provider: "Sign in at {name}", or: "or with a password", stale: "Sign in again to change the ways into your account.", cancelled: "No passkey was chosen. Try again, or use your password.",
    identity_unknown: "The provider knows you, but no account here is tied to you. Ask an administrator.", sign_on_failed: "Signing on at the provider did not work. Try again, or sign in another way.",
  },
  "zh-CN": {
    title: "登录", login: "登录名", password: "密码", go: "登录", expired: "会话已结束，请重新登录；已输入的内容会保留。", public: "居民报告问题",
    passkey: "使用通行密钥登录", provider: "通过 {name} 登录", or: "或使用密码", stale: "更改账户的登录方式前，请重新登录。", cancelled: "未选择通行密钥。请重试，或使用密码。",
    identity_unknown: "身份提供方已确认您的身份，但此处没有与之关联的账户，请联系管理员。", sign_on_failed: "通过身份提供方登录未成功，请重试或使用其他方式登录。",
  },
} as const;
