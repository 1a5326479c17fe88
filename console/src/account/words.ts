export const words = {
  en: {
    title: "My account", passkeys: "Passkeys", passkeys_why: "A passkey is kept by your phone, your computer or a security key. It opens with your finger, face or PIN, works for this node only, and nobody can guess it.",
    none: "You have no passkey yet.", off: "Passkeys do not work at this address.", name: "Name of the passkey", add: "Add a passkey", rename: "Rename", remove: "Remove", save: "Save", cancel: "Cancel", made: "made {at}", used: "last used {at}", never: "never used",
    added: "The passkey is added.", removed: "It is removed.", cancelled: "No passkey was made.", sessions: "Signed-in browsers", this: "this browser", since: "since {at}, last used {seen}", end: "Sign out", end_others: "Sign out all others", ended: "{n} browsers are signed out.",
    password: "Password", old: "Password now", fresh: "New password", change: "Change the password", changed: "The password is changed. Your other browsers are signed out.",
    by_password: "by password", by_passkey: "by passkey", by_sign_on: "at the provider", by_link: "by a one-time link", ties: "The town’s provider", tie: "Tie my person at the provider to this account", untie: "Untie", no_ties: "Nobody at the provider is tied to this account.",
  },
  "zh-CN": {
    title: "我的账户", passkeys: "通行密钥", passkeys_why: "通行密钥保存在您的手机、电脑或安全密钥中，用指纹、面容或 PIN 打开，仅对本节点有效，无法被猜测。",
    none: "您还没有通行密钥。", off: "当前网址无法使用通行密钥。", name: "通行密钥名称", add: "添加通行密钥", rename: "重命名", remove: "移除", save: "保存", cancel: "取消", made: "创建于 {at}", used: "最近使用 {at}", never: "从未使用",
    added: "已添加通行密钥。", removed: "已移除。", cancelled: "未创建通行密钥。", sessions: "已登录的浏览器", this: "当前浏览器", since: "自 {at}，最近使用 {seen}", end: "退出", end_others: "退出其他所有浏览器", ended: "已退出 {n} 个浏览器。",
    password: "密码", old: "当前密码", fresh: "新密码", change: "更改密码", changed: "密码已更改，其他浏览器已退出登录。",
    by_password: "密码", by_passkey: "通行密钥", by_sign_on: "身份提供方", by_link: "一次性链接", ties: "城镇身份提供方", tie: "将我在身份提供方的身份关联到此账户", untie: "取消关联", no_ties: "此账户尚未关联身份提供方中的身份。",
  },
} as const;

export const many = {
  en: {
    title: "Accounts", waiting: "Waiting for a second person", nothing: "Nothing waits.", wish: "{login}: {roles}", wish_off: "{login}: to be switched off", wish_link: "{login}: a link for a new password", by: "wished by {login}, {at}",
    grant: "Grant", decline: "Decline", granted: "Granted.", declined: "Declined.", link_is: "Give this link to its owner, it is shown this once: {link}", proposed: "That takes a second person. It waits for another administrator.", saved: "Saved.",
    login: "Name to sign in", full: "Full name", role: "Role", area: "Area", no_role: "no role", is_off: "switched off", open: "Open", close: "Close", add_role: "Give this role", take: "Take away", off: "Switch off", on: "Switch on", link: "Link for a new password", sign_out: "Sign out everywhere", done: "Done.",
    ways: "Ways in", has_password: "a password", end_key: "End this passkey", sessions_n: "{n} signed-in browsers", make: "Make an account", new: "New account", slowed: "Strangers must wait for these names", forget: "Let them try again", subject: "Person at the provider (subject)", tie: "Tie",
    openings: "Who opened what", more: "More", seconds: "{login}, {n} s", roles_of: "Roles of {login}",
  },
  "zh-CN": {
    title: "账户管理", waiting: "等待第二人确认", nothing: "没有待确认事项。", wish: "{login}：{roles}", wish_off: "{login}：停用", wish_link: "{login}：新密码链接", by: "由 {login} 于 {at} 提出",
    grant: "同意", decline: "拒绝", granted: "已同意。", declined: "已拒绝。", link_is: "请将此链接交给账户所有人，仅显示一次：{link}", proposed: "此操作需要第二人确认，正等待另一位管理员。", saved: "已保存。",
    login: "登录名", full: "姓名", role: "角色", area: "区域", no_role: "无角色", is_off: "已停用", open: "打开", close: "关闭", add_role: "授予此角色", take: "收回", off: "停用", on: "启用", link: "新密码链接", sign_out: "在所有位置退出", done: "已完成。",
    ways: "登录方式", has_password: "密码", end_key: "停用此通行密钥", sessions_n: "{n} 个已登录的浏览器", make: "创建账户", new: "新账户", slowed: "对以下登录名，陌生人需等待", forget: "允许再次尝试", subject: "身份提供方中的标识（subject）", tie: "关联",
    openings: "查看记录", more: "更多", seconds: "{login}，{n} 秒", roles_of: "{login} 的角色",
  },
} as const;
