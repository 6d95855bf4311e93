// Runs window.miniProgram (see ../build.js) with glass-easel: modules, the page stack, `wx`.
// This is glass-easel in Chromium and not WeChat: one thread, Chromium's controls, our own `wx`.
import { MiniProgramEnv, glassEasel } from "glass-easel-miniprogram-adapter";
import { defineComponents } from "./components.js";
import { createWx } from "./wx.js";
import { CLIENT_CSS } from "./style.js";

const { app, appCss, pages: pageFiles, modules, templates } = window.miniProgram;

// --- The phone ------------------------------------------------------------------------------------

const PRIVACY_CONSENT_KEY = "phone:privacy-agreed";
const phone = {
  ...window.phoneSettings, // fontSize, asksForPrivacy, privacyContract
  record: (name, detail) => window.phoneRecord(name, detail),
  reportError: (text) => window.phoneRecord("error", text),
  needsPrivacyConsent: () => phone.asksForPrivacy && !localStorage.getItem(PRIVACY_CONSENT_KEY),
  agreeToPrivacy: () => localStorage.setItem(PRIVACY_CONSENT_KEY, "yes"),
};
glassEasel.addGlobalErrorListener((error) => phone.reportError(String(error?.stack ?? error)));
glassEasel.addGlobalWarningListener((message) => phone.reportError(`warning: ${message}`));
window.addEventListener("error", (event) => phone.reportError(event.message));
window.addEventListener("unhandledrejection", ({ reason }) => phone.reportError(String(reason?.stack ?? reason)));

// --- glass-easel ----------------------------------------------------------------------------------

const env = new MiniProgramEnv();
const builtins = defineComponents(env.getGlobalCodeSpace().getComponentSpace(), phone);
const tags = new Set(builtins.map(([tag]) => tag));
const context = new glassEasel.CurrentWindowBackendContext();
const realDocument = context.document;
context.document = {
  createElement: (tag) => realDocument.createElement(tags.has(tag) ? `wx-${tag}` : tag),
  createTextNode: (text) => realDocument.createTextNode(text),
  createDocumentFragment: () => realDocument.createDocumentFragment(),
};
context.onEvent((target, type, detail, options) => {
  const event = new glassEasel.Event(type, detail, options);
  glassEasel.Event.dispatchEvent(target, event);
  return event.defaultPrevented() ? glassEasel.EventBubbleStatus.NoDefault : glassEasel.EventBubbleStatus.Normal;
});
const backend = env.associateBackend(context);
const space = env.createCodeSpace("", true);
for (const [tag, component] of builtins) space.getComponentSpace().setGlobalUsingComponent(tag, component);

function addStyle(css) {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  return style;
}
addStyle(CLIENT_CSS);
addStyle(appCss);
const navigationBar = document.createElement("div");
navigationBar.id = "navigation-bar";
navigationBar.style.background = app.window.navigationBarBackgroundColor ?? "#fff";
document.body.append(navigationBar);

// --- The page stack -------------------------------------------------------------------------------

const stack = [];
const currentPage = () => stack[stack.length - 1];

function resolve(from, relative) {
  if (relative.startsWith("/")) return relative.slice(1);
  const parts = from.split("/").slice(0, -1);
  for (const step of relative.split("/")) {
    if (step === "..") parts.pop();
    else if (step && step !== ".") parts.push(step);
  }
  return parts.join("/");
}

// As in WeChat: not decoded, and cut off at a second "=".
const parseOptions = (query) =>
  Object.fromEntries(
    (query ?? "")
      .split("&")
      .filter(Boolean)
      .map((pair) => pair.split("="))
      .map(([name, value = ""]) => [name, value]),
  );

function callHandler(page, name, ...values) {
  try {
    page.instance[name]?.(...values);
  } catch (error) {
    phone.reportError(String(error.stack));
  }
}

function setShown(page, isShown) {
  page.style.disabled = !isShown;
  page.root.getComponent().$$.style.display = isShown ? "" : "none";
  if (isShown)
    navigationBar.textContent =
      pageFiles[page.route].config.navigationBarTitleText ?? app.window.navigationBarTitleText;
  callHandler(page, isShown ? "onShow" : "onHide");
}

function closePage(page) {
  callHandler(page, "onUnload");
  const host = page.root.getComponent().$$;
  page.root.release();
  host.remove();
  page.style.remove();
}

function openPage(route, query) {
  const style = addStyle(pageFiles[route].css);
  const root = backend.createRoot("page", space, route);
  const page = { route, root, style, instance: root.get() };
  page.instance.route = route;
  page.instance.options = parseOptions(query);
  stack.push(page);
  callHandler(page, "onLoad", page.instance.options);
  const placeholder = document.createElement("span");
  document.body.append(placeholder);
  root.attach(document.body, placeholder);
  setShown(page, true);
  callHandler(page, "onReady");
  window.scrollTo(0, 0);
}

const pages = {
  // Closes `closing` pages and opens another. Returns an error text, or "".
  open(url, { closing }) {
    const [address, query] = url.split("?");
    const route = resolve(currentPage().route, address);
    if (!app.pages.includes(route)) return `page "${route}" is not found`;
    setTimeout(() => {
      document.getElementById("wx-toast")?.remove(); // WeChat removes a toast with its page
      stack
        .splice(Math.max(stack.length - closing, 0))
        .reverse()
        .forEach(closePage);
      if (stack.length) setShown(currentPage(), false);
      openPage(route, query);
    });
    return "";
  },
  back() {
    if (stack.length < 2) return false;
    closePage(stack.pop());
    setShown(currentPage(), true);
    return true;
  },
};

// --- Modules --------------------------------------------------------------------------------------

const wx = createWx(phone, pages);
let application = null;
const globals = {
  wx,
  getApp: () => application,
  getCurrentPages: () => stack.map((page) => page.instance),
  App: (options) => {
    application = options;
    options.onLaunch?.({});
  },
};
// The globals of WeChat's script engine: the language, timers and a console, but no window, document or fetch.
const SCRIPT_GLOBALS = new Set([
  ..."Object Array Function String Number Boolean Symbol BigInt Math JSON Date RegExp Promise Map Set WeakMap WeakSet".split(
    " ",
  ),
  ..."Error TypeError RangeError SyntaxError Uint8Array Int32Array ArrayBuffer DataView Reflect Proxy".split(" "),
  ..."undefined NaN Infinity parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent".split(" "),
  ..."encodeURI decodeURI setTimeout clearTimeout setInterval clearInterval console".split(" "),
]);
const createScope = (locals) =>
  new Proxy(locals, {
    has: () => true,
    get(target, name) {
      if (name === Symbol.unscopables) return undefined;
      if (name in target) return target[name];
      if (!SCRIPT_GLOBALS.has(name)) throw new ReferenceError(`${String(name)} is not defined`);
      const value = window[name];
      return typeof value === "function" && /^(set|clear)/.test(name) ? value.bind(window) : value;
    },
  });

const loaded = new Map();
function loadModule(id, extra = {}) {
  if (loaded.has(id)) return loaded.get(id).exports;
  if (!(id in modules)) throw new Error(`module not found: ${id}`);
  const module = { exports: {} };
  loaded.set(id, module);
  const locals = {
    ...globals,
    ...extra,
    module,
    exports: module.exports,
    require: (relative) => loadModule(resolve(id, relative).replace(/\.js$/, "")),
  };
  const body = `with (scope) { (function () { "use strict"; ${modules[id]}\n})(); }\n//# sourceURL=${id}.js`;
  new Function("scope", body)(createScope(locals));
  return module.exports;
}

loadModule("app");
for (const page of app.pages) {
  space.addComponentStaticConfig(page, { usingComponents: {}, ...pageFiles[page].config });
  space.addCompiledTemplate(page, { groupList: templates, content: templates[page] });
  space.componentEnv(page, ({ Page }) => loadModule(page, { Page }));
}
const address = new URLSearchParams(window.location.search);
openPage(address.get("page") ?? app.pages[0], address.get("query") ?? "");
window.phoneIsReady = true;
