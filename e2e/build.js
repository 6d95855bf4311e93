// Compiles a native mini program for the runtime in Chromium. Fails where WeChat would fail.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const esbuild = require("esbuild");
const { TmplGroup } = require("glass-easel-template-compiler");

// WeChat's own compilers. The package installs them without execute permission.
const COMPILERS = path.join(path.dirname(require.resolve("miniprogram-compiler/package.json")), "bin", "linux");

const MAX_PACKAGE = 100 * 1024; // bytes

class BuildError extends Error {}

function compile(program, folder, file) {
  const executable = path.join(COMPILERS, program);
  fs.chmodSync(executable, 0o755);
  const result = spawnSync(executable, [file], { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.error) throw result.error;
  if (result.status !== 0)
    throw new BuildError(`${program} refuses ${file}: ${result.stderr || result.stdout.slice(0, 300)}`);
  return result.stdout;
}

function read(folder, file) {
  try {
    return fs.readFileSync(path.join(folder, file), "utf8");
  } catch {
    throw new BuildError(`${file} is missing`);
  }
}

function readJSON(folder, file) {
  try {
    return JSON.parse(read(folder, file));
  } catch (error) {
    throw error instanceof BuildError ? error : new BuildError(`${file} is not JSON: ${error.message}`);
  }
}

// wcsc's output as the WeChat client applies it: without prefixes of class names, and with 1 rpx = width / 750.
function compileStyles(folder, file) {
  return compile("wcsc", folder, file)
    .replaceAll("%%HERESUFFIX%%", "")
    .replace(/%%\?(-?[\d.]+)rpx\?%%/g, (_, width) => `calc(100vw * ${width} / 750)`);
}

// Old phones run the scripts without a transpiler, so a script must be plain ES2015.
function checkScript(source, file) {
  const print = (target) => esbuild.transformSync(source, { target, sourcefile: file, logLevel: "silent" }).code;
  try {
    if (print("es2015") !== print("esnext")) throw new BuildError(`${file} uses more than ES2015`);
  } catch (error) {
    throw error instanceof BuildError ? error : new BuildError(`${file}: ${error.message}`);
  }
}

function readScripts(folder) {
  const modules = {};
  for (const file of fs.readdirSync(folder, { recursive: true })) {
    if (!file.endsWith(".js")) continue;
    modules[file.slice(0, -".js".length)] = read(folder, file);
    checkScript(modules[file.slice(0, -".js".length)], file);
  }
  return modules;
}

// The light and the dark colours of theme.json. Each "@name" in app.json must be in both.
function readThemes(app, folder) {
  if (!app.themeLocation) return { light: {}, dark: {} };
  const themes = readJSON(folder, app.themeLocation);
  const names = Object.values(app.window).filter((value) => String(value).startsWith("@"));
  for (const theme of ["light", "dark"]) {
    const missing = names.find((name) => !themes[theme]?.[name.slice(1)]);
    if (missing) throw new BuildError(`${app.themeLocation} has no ${missing} in ${theme}`);
  }
  return themes;
}

// Counts what DevTools uploads, except the READMEs that project.config.json leaves out.
function checkSize(folder) {
  const files = fs.readdirSync(folder, { recursive: true }).map((file) => path.join(folder, file));
  const size = files
    .filter((file) => !file.endsWith(".md") && fs.statSync(file).isFile())
    .reduce((sum, file) => sum + fs.statSync(file).size, 0);
  if (size > MAX_PACKAGE) throw new BuildError(`the package has ${size} bytes, more than ${MAX_PACKAGE}`);
}

// Returns the client as one script that sets window.miniProgram.
function buildClient(folder) {
  const app = readJSON(folder, "app.json");
  const themes = readThemes(app, folder);
  readJSON(folder, "project.config.json");
  readJSON(folder, app.sitemapLocation);
  checkSize(folder);
  const templates = new TmplGroup();
  const pages = {};
  for (const page of app.pages) {
    compile("wcc", folder, `${page}.wxml`);
    // glass-easel only warns about a missing end tag, which WeChat rejects. So each warning is an error.
    const warnings = templates.addTmpl(page, read(folder, `${page}.wxml`));
    if (warnings.length) {
      const texts = warnings.map(
        (warning) => `${warning.startLine + 1}:${warning.startColumn + 1} ${warning.message}`,
      );
      throw new BuildError(`${page}.wxml: ${texts.join("; ")}`);
    }
    pages[page] = { config: readJSON(folder, `${page}.json`), css: compileStyles(folder, `${page}.wxss`) };
    read(folder, `${page}.js`);
  }
  return `window.miniProgram = {
    app: ${JSON.stringify(app)}, themes: ${JSON.stringify(themes)}, appCss: ${JSON.stringify(compileStyles(folder, "app.wxss"))},
    pages: ${JSON.stringify(pages)}, modules: ${JSON.stringify(readScripts(folder))},
    templates: ${templates.getTmplGenObjectGroups()} };`;
}

// Returns the runtime (glass-easel, built-in components, wx) as one script.
function buildRuntime() {
  return esbuild.buildSync({
    entryPoints: [path.join(__dirname, "runtime", "main.js")],
    bundle: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "warning",
  }).outputFiles[0].text;
}

module.exports = { buildClient, buildRuntime, BuildError };
