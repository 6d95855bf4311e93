// The part of `wx` that the pages use. All else is undefined, like a function that an old WeChat lacks.
// The test's process sends the HTTP requests (window.phoneRequest), as in WeChat the app does and not the
// web view: no CORS, no cookies, no Sec-Fetch headers.
const STORAGE_PREFIX = "wx:";

function finish(options, ok, result) {
  const callback = ok ? options.success : options.fail;
  callback?.(result);
  options.complete?.(result);
}

// As in WeChat, objects are stringified in a GET, but not in a POST.
const encode = (data, stringify) =>
  Object.entries(data)
    .map(([name, value]) => [name, stringify && typeof value === "object" ? JSON.stringify(value) : value])
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");

function toRequest({ url, method = "GET", header = {}, data, timeout = 60000 }) {
  const headers = { "content-type": "application/json" };
  for (const [name, value] of Object.entries(header)) {
    if (name.toLowerCase() !== "referer") headers[name.toLowerCase()] = String(value);
  }
  const request = { url, method: method.toUpperCase(), headers, body: null, timeout };
  if (data === undefined || data === null) return request;
  if (request.method === "GET") request.url += (url.includes("?") ? "&" : "?") + encode(data, true);
  else if (typeof data === "string") request.body = data;
  else if (/x-www-form-urlencoded/.test(headers["content-type"])) request.body = encode(data, false);
  else request.body = JSON.stringify(data);
  return request;
}

function overlay(id, ...children) {
  const box = document.createElement("div");
  box.id = id;
  box.append(...children);
  document.body.append(box);
  return box;
}

function element(tag, id, text) {
  const result = document.createElement(tag);
  if (id) result.id = id;
  result.textContent = text;
  return result;
}

export function createWx(phone, pages) {
  const hideToast = () => document.getElementById("wx-toast")?.remove();
  const navigate = (name, open) => (options) => {
    phone.record(name, options.url);
    const problem = open(options.url);
    if (problem) phone.reportError(`${name}:fail ${problem}`);
    finish(options, !problem, { errMsg: problem ? `${name}:fail ${problem}` : `${name}:ok` });
  };

  return {
    request(options) {
      window.phoneRequest(toRequest(options)).then((reply) => {
        if (reply.error) return finish(options, false, { errMsg: `request:fail ${reply.error}`, errno: 600001 });
        let data = reply.body;
        try {
          data = JSON.parse(data);
        } catch {
          // A reply that is not JSON stays a string.
        }
        return finish(options, true, { data, statusCode: reply.status, header: reply.headers, errMsg: "request:ok" });
      });
    },

    getStorageSync: (key) => JSON.parse(localStorage.getItem(STORAGE_PREFIX + key) ?? '""'),
    setStorageSync: (key, value) => localStorage.setItem(STORAGE_PREFIX + key, JSON.stringify(value)),
    removeStorageSync: (key) => localStorage.removeItem(STORAGE_PREFIX + key),

    showToast(options) {
      if (typeof options.title !== "string") {
        phone.reportError("showToast: the title is not a string");
        return finish(options, false, { errMsg: "showToast:fail parameter.title should be String" });
      }
      hideToast();
      phone.record("toast", options.title);
      const mark = element("div", "", options.icon === "success" ? "✓" : "");
      const toast = overlay("wx-toast", mark, element("div", "", options.title));
      setTimeout(() => toast.remove(), options.duration ?? 1500);
      return finish(options, true, { errMsg: "showToast:ok" });
    },
    hideToast,
    showModal(options) {
      const confirmButton = element("button", "wx-modal-confirm", options.confirmText ?? "确定");
      const cancelButton = element("button", "wx-modal-cancel", options.cancelText ?? "取消");
      const box = overlay(
        "wx-modal",
        element("b", "", options.title),
        element("p", "", options.content),
        cancelButton,
        confirmButton,
      );
      const closeWith = (confirmed) => () => {
        box.remove();
        finish(options, true, { confirm: confirmed, cancel: !confirmed, errMsg: "showModal:ok" });
      };
      confirmButton.addEventListener("click", closeWith(true));
      cancelButton.addEventListener("click", closeWith(false));
    },
    pageScrollTo(options) {
      const target = document.querySelector(options.selector);
      if (!target) phone.reportError(`pageScrollTo: no element matches ${options.selector}`);
      target?.scrollIntoView({ block: "start" });
      finish(options, Boolean(target), { errMsg: "pageScrollTo" });
    },

    redirectTo: navigate("redirectTo", (url) => pages.open(url, { closing: 1 })),
    navigateTo: navigate("navigateTo", (url) => pages.open(url, { closing: 0 })),
    reLaunch: navigate("reLaunch", (url) => pages.open(url, { closing: Infinity })),
    navigateBack: (options = {}) => finish(options, pages.back(), { errMsg: "navigateBack" }),

    getRandomValues: (options) =>
      finish(options, true, { randomValues: crypto.getRandomValues(new Uint8Array(options.length)).buffer }),
    login: (options) =>
      window
        .phoneLogin()
        .then((code) =>
          code ? finish(options, true, { code, errMsg: "login:ok" }) : finish(options, false, { errMsg: "login:fail" }),
        ),
    getPrivacySetting: (options) =>
      finish(options, true, {
        needAuthorization: phone.needsPrivacyConsent(),
        privacyContractName: phone.privacyContract,
      }),
    openPrivacyContract: (options) => {
      phone.record("openPrivacyContract", phone.privacyContract);
      finish(options, true, { errMsg: "openPrivacyContract:ok" });
    },
  };
}
