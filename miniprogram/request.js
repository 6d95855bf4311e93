// Requests to our server.
const config = require("./config");

// HTTP/2 servers send header names in lower case, some proxies in upper case.
function lowerCaseNames(headers) {
  const result = {};
  Object.keys(headers || {}).forEach((name) => {
    result[name.toLowerCase()] = String(headers[name]);
  });
  return result;
}

function failureReason(errMsg) {
  if (/timeout|timed out|超时/i.test(errMsg)) return "timeout";
  if (/domain list|合法域名/i.test(errMsg)) return "domain";
  return "network";
}

// Resolves to {status, data, headers} for every status. Rejects with {reason}: "timeout",
// "domain" (the address is not in the mini program's list) or "network".
function request(method, path, options) {
  const { data, headers = {} } = options || {};
  return new Promise((resolve, reject) => {
    wx.request({
      url: config.baseUrl + path,
      method,
      data,
      header: headers,
      timeout: config.timeout,
      success: (reply) =>
        resolve({ status: reply.statusCode, data: reply.data, headers: lowerCaseNames(reply.header) }),
      fail: (error) => reject({ reason: failureReason(String(error && error.errMsg)) }),
    });
  });
}

// "请在 5 秒后", or "请稍后" without a valid Retry-After.
function retryText(headers) {
  const seconds = /^\d{1,5}$/.test(headers["retry-after"]) ? Number(headers["retry-after"]) : 0;
  if (!seconds) return "请稍后";
  return seconds < 120 ? `请在 ${seconds} 秒后` : `请在 ${Math.ceil(seconds / 60)} 分钟后`;
}

module.exports = { request, retryText };
