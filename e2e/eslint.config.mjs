// Checks all JavaScript of the project (bin/lint-js, from the project's folder).
import js from "@eslint/js";
import globals from "globals";

// A script of the mini program has the language, timers, a console and WeChat's own globals.
const WECHAT = Object.fromEntries(
  ["wx", "App", "Page", "getCurrentPages", "module", "require", "console", "setTimeout", "clearTimeout"].map((name) => [name, "readonly"]),
);

export default [
  {
    // The original program's page is a test case, so it stays as it is.
    ignores: ["**/node_modules/", "**/.venv/", "var/", "e2e/article/"],
  },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["miniprogram/**/*.js"],
    // 2017 for trailing commas in calls. build.js refuses all other syntax newer than ES2015.
    languageOptions: { ecmaVersion: 2017, sourceType: "commonjs", globals: WECHAT },
    // ES2015 requires a name in each catch.
    rules: { "no-unused-vars": ["error", { caughtErrors: "none" }] },
  },
  {
    files: ["static/**/*.js"],
    languageOptions: { sourceType: "script", globals: globals.browser },
  },
  {
    files: ["e2e/*.js", "e2e/scenarios/*.js", "bench/peers/**/*.js", "stack/*.js"],
    languageOptions: { sourceType: "commonjs", globals: globals.node },
  },
  {
    // Playwright runs the functions for page.evaluate in the browser.
    files: ["e2e/inspect.js", "e2e/phone.js", "e2e/world.js", "e2e/scenarios/*.js"],
    languageOptions: {
      globals: {
        document: "readonly",
        getComputedStyle: "readonly",
        localStorage: "readonly",
        scrollY: "readonly",
        window: "readonly",
        Touch: "readonly",
        TouchEvent: "readonly",
      },
    },
  },
  {
    files: ["e2e/runtime/*.js"],
    languageOptions: { sourceType: "module", globals: globals.browser },
  },
];
