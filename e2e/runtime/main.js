// Runs window.miniProgram (see ../build.js) with glass-easel: modules, the stack of pages, `wx`.
// This is "glass-easel in Chromium", not WeChat: one thread, Chromium's controls, our own `wx`.
import { MiniProgramEnv, glassEasel } from "glass-easel-miniprogram-adapter";
import { defineComponents } from "./components.js";
import { makeWx } from "./wx.js";
import { CLIENT_CSS } from "./style.js";

const { app, appCss, pages: pageFiles, modules, templates } = window.miniProgram;

// --- The phone ------------------------------------------------------------------------------------

const AGREED = "phone:privacy-agreed";
const phone = {
  ...window.phoneSettings, // fontSize, asksForPrivacy, privacyContract
  note: (name, detail) => window.phoneNote(name, detail),
  fault: (text) => window.phoneNote("fault", text),
  mustAskForPrivacy: () => phone.asksForPrivacy && !localStorage.getItem(AGREED),
  agreeToPrivacy: () => localStorage.setItem(AGREED, "yes"),
};
glassEasel.addGlobalErrorListener((error) => phone.fault(String(error?.stack ?? error)));
glassEasel.addGlobalWarningListener((message) => phone.fault(`warning: ${message}`));
window.addEventListener("error", (event) => phone.fault(event.message));
window.addEventListener("unhandledrejection", (event) => phone.fault(String(event.reason?.stack ?? event.reason)));

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

// --- The stack of pages ---------------------------------------------------------------------------

const stack = [];
const top = () => stack[stack.length - 1];

function resolve(from, relative) {
  if (relative.startsWith("/")) return relative.slice(1);
  const parts = from.split("/").slice(0, -1);
  for (const step of relative.split("/")) {
    if (step === "..") parts.pop();
    else if (step && step !== ".") parts.push(step);
  }
  return parts.join("/");
}

// As WeChat hands them over: not decoded, and cut at a second "=".
const optionsOf = (query) =>
  Object.fromEntries(
    (query ?? "")
      .split("&")
      .filter(Boolean)
      .map((pair) => pair.split("="))
      .map(([name, value = ""]) => [name, value]),
  );

function call(page, name, ...values) {
  try {
    page.instance[name]?.(...values);
  } catch (error) {
    phone.fault(String(error.stack));
  }
}

function show(page, isShown) {
  page.style.disabled = !isShown;
  page.root.getComponent().$$.style.display = isShown ? "" : "none";
  if (isShown)
    navigationBar.textContent =
      pageFiles[page.route].config.navigationBarTitleText ?? app.window.navigationBarTitleText;
  call(page, isShown ? "onShow" : "onHide");
}

function close(page) {
  call(page, "onUnload");
  const host = page.root.getComponent().$$;
  page.root.release();
  host.remove();
  page.style.remove();
}

function start(route, query) {
  const style = addStyle(pageFiles[route].css);
  const root = backend.createRoot("page", space, route);
  const page = { route, root, style, instance: root.get() };
  page.instance.route = route;
  page.instance.options = optionsOf(query);
  stack.push(page);
  call(page, "onLoad", page.instance.options);
  const placeholder = document.createElement("span");
  document.body.append(placeholder);
  root.attach(document.body, placeholder);
  show(page, true);
  call(page, "onReady");
  window.scrollTo(0, 0);
}

const pages = {
  // Opens a page after closing so many; returns what is wrong with the address, if anything.
  open(url, { closing }) {
    const [address, query] = url.split("?");
    const route = resolve(top().route, address);
    if (!app.pages.includes(route)) return `page "${route}" is not found`;
    setTimeout(() => {
      document.getElementById("wx-toast")?.remove(); // a toast goes with its page
      stack
        .splice(Math.max(stack.length - closing, 0))
        .reverse()
        .forEach(close);
      if (stack.length) show(top(), false);
      start(route, query);
    });
    return "";
  },
  back() {
    if (stack.length < 2) return false;
    close(stack.pop());
    show(top(), true);
    return true;
  },
};
window.phoneBack = () => pages.back();

// --- Modules --------------------------------------------------------------------------------------

const wx = makeWx(phone, pages);
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
// What WeChat's script engine has: the language, timers and a console. No window, document, fetch …
const LANGUAGE = new Set([
  ..."Object Array Function String Number Boolean Symbol BigInt Math JSON Date RegExp Promise Map Set WeakMap WeakSet".split(
    " ",
  ),
  ..."Error TypeError RangeError SyntaxError Uint8Array Int32Array ArrayBuffer DataView Reflect Proxy".split(" "),
  ..."undefined NaN Infinity parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent".split(" "),
  ..."encodeURI decodeURI setTimeout clearTimeout setInterval clearInterval console".split(" "),
]);
const sandbox = (locals) =>
  new Proxy(locals, {
    has: () => true,
    get(target, name) {
      if (name === Symbol.unscopables) return undefined;
      if (name in target) return target[name];
      if (!LANGUAGE.has(name)) throw new ReferenceError(`${String(name)} is not defined`);
      const value = window[name];
      return typeof value === "function" && /^(set|clear)/.test(name) ? value.bind(window) : value;
    },
  });

const loaded = new Map();
function load(id, extra = {}) {
  if (loaded.has(id)) return loaded.get(id).exports;
  if (!(id in modules)) throw new Error(`module not found: ${id}`);
  const module = { exports: {} };
  loaded.set(id, module);
  const locals = {
    ...globals,
    ...extra,
    module,
    exports: module.exports,
    require: (relative) => load(resolve(id, relative).replace(/\.js$/, "")),
  };
  const body = `with (scope) { (function () { "use strict"; ${modules[id]}\n})(); }\n//# sourceURL=${id}.js`;
  new Function("scope", body)(sandbox(locals));
  return module.exports;
}

load("app");
for (const page of app.pages) {
  space.addComponentStaticConfig(page, { usingComponents: {}, ...pageFiles[page].config });
  space.addCompiledTemplate(page, { groupList: templates, content: templates[page] });
  space.componentEnv(page, ({ Page }) => load(page, { Page }));
}
const address = new URLSearchParams(window.location.search);
start(address.get("page") ?? app.pages[0], address.get("query") ?? "");
window.phoneIsReady = true;
