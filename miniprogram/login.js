// Who is asking, where the server wants to know: a code of wx.login for a signed session.
const { request, whenToRetry } = require("./request");
const storage = require("./storage");

const KEY = "session";
const MARGIN = 60 * 1000; // milliseconds before its end in which a session is not begun with

function stored() {
  const session = storage.read(KEY);
  return session && session.expires_at > Date.now() + MARGIN ? session.token : null;
}

function forget() {
  storage.remove(KEY);
}

function code() {
  return new Promise((resolve, reject) => {
    wx.login({
      timeout: 10000,
      success: (result) => (result.code ? resolve(result.code) : reject({ text: "微信没有给出登录凭证" })),
      fail: () => reject({ text: "微信登录没有成功" }),
    });
  });
}

function textOf(reply) {
  if (reply.status === 429) return `微信登录太频繁，${whenToRetry(reply.headers)}再试`;
  if (reply.status === 503) return `微信登录暂时不可用，${whenToRetry(reply.headers)}再试`;
  return "微信登录没有成功";
}

// A new session. Rejects with {text}, in words for the customer.
function fresh() {
  forget();
  return code()
    .then((value) =>
      request("POST", "/wechat/login", { data: { code: value } }).catch(() =>
        Promise.reject({ text: "网络不通，微信登录没有成功" }),
      ),
    )
    .then((reply) => {
      const answer = reply.data || {};
      if (reply.status !== 200 || typeof answer.session !== "string") {
        return Promise.reject({ text: textOf(reply) });
      }
      const lifetime = Number(answer.expires_in) * 1000 || 0;
      storage.write(KEY, { token: answer.session, expires_at: Date.now() + lifetime });
      return answer.session;
    });
}

function session() {
  const token = stored();
  return token ? Promise.resolve(token) : fresh();
}

const headerOf = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

module.exports = { stored, session, fresh, forget, headerOf };
