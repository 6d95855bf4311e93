// The codes that lead to the score page: a mini program code (scene) or an ordinary QR code (q). Both carry a
// token of the server; the number itself is in neither.
const { request, retryText } = require("./request");

const TOKEN = /^[0-9A-Za-z_-]{1,32}$/;

function decode(option) {
  try {
    return decodeURIComponent(option);
  } catch (error) {
    return "";
  }
}

// The token of the page's options: null without a code, "" if the code is not one of ours.
function tokenOf(options) {
  if (!options.scene && !options.q) return null;
  const token = options.scene ? decode(options.scene) : (/\/r\/([^/?#]*)\/?$/.exec(decode(options.q)) || ["", ""])[1];
  return TOKEN.test(token) ? token : "";
}

// Resolves to {acc_nbr, area}, or to {isInvalid, text}: an invalid code stays invalid, any other failure may be
// tried again. Never rejects.
function resolve(token) {
  return request("GET", "/score/code", { data: { scene: token } }).then(
    (reply) => {
      const { data } = reply;
      if (reply.status === 200 && data && typeof data.acc_nbr === "string" && data.acc_nbr) {
        return { acc_nbr: data.acc_nbr, area: typeof data.area === "string" ? data.area : "" };
      }
      if (reply.status === 404 && data && data.error === "code") return { isInvalid: true };
      if (reply.status === 429 || reply.status === 503) return { text: `服务器正忙，${retryText(reply.headers)}再试。` };
      return { text: "评分服务器没有响应，请稍后再试。" };
    },
    () => ({ text: "网络连接不上，请检查网络后再试。" }),
  );
}

module.exports = { tokenOf, resolve };
