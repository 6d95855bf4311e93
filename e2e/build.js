// A native mini program's folder → what the runtime loads in Chromium. Refuses what WeChat would refuse.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const esbuild = require("esbuild");
const { TmplGroup } = require("glass-easel-template-compiler");

// WeChat's own compilers. The package ships them without the right to be executed.
const COMPILERS = path.join(path.dirname(require.resolve("miniprogram-compiler/package.json")), "bin", "linux");

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
    throw error instanceof BuildError ? error : new BuildError(`${file} is no JSON: ${error.message}`);
  }
}

// wcsc's output as the WeChat client applies it: class names unprefixed, rpx as 750ths of the width.
function styles(folder, file) {
  return compile("wcsc", folder, file)
    .replaceAll("%%HERESUFFIX%%", "")
    .replace(/%%\?(-?[\d.]+)rpx\?%%/g, (_, width) => `calc(100vw * ${width} / 750)`);
}

// Phones of years ago run it as it is: a script that means something else, or nothing, in ES2015 is refused.
function checkScript(source, file) {
  const print = (target) => esbuild.transformSync(source, { target, sourcefile: file, logLevel: "silent" }).code;
  try {
    if (print("es2015") !== print("esnext")) throw new BuildError(`${file} uses more than ES2015`);
  } catch (error) {
    throw error instanceof BuildError ? error : new BuildError(`${file}: ${error.message}`);
  }
}

function scripts(folder) {
  const modules = {};
  for (const file of fs.readdirSync(folder, { recursive: true })) {
    if (!file.endsWith(".js")) continue;
    modules[file.slice(0, -".js".length)] = read(folder, file);
    checkScript(modules[file.slice(0, -".js".length)], file);
  }
  return modules;
}

// What app.json takes from theme.json ("@name"), in its light colours.
function themed(app, folder) {
  if (!app.themeLocation) return app;
  const colours = readJSON(folder, app.themeLocation).light;
  const of = (value) => {
    if (!String(value).startsWith("@")) return value;
    if (!colours[value.slice(1)]) throw new BuildError(`${app.themeLocation} has no ${value}`);
    return colours[value.slice(1)];
  };
  return { ...app, window: Object.fromEntries(Object.entries(app.window).map(([name, value]) => [name, of(value)])) };
}

// The client as one script that sets window.miniProgram.
function buildClient(folder) {
  const app = themed(readJSON(folder, "app.json"), folder);
  readJSON(folder, "project.config.json");
  readJSON(folder, app.sitemapLocation);
  const templates = new TmplGroup();
  const pages = {};
  for (const page of app.pages) {
    compile("wcc", folder, `${page}.wxml`);
    // glass-easel only warns about a missing end tag, which WeChat rejects: any word of it is too much.
    const words = templates.addTmpl(page, read(folder, `${page}.wxml`));
    if (words.length) {
      const all = words.map((word) => `${word.startLine + 1}:${word.startColumn + 1} ${word.message}`);
      throw new BuildError(`${page}.wxml: ${all.join("; ")}`);
    }
    pages[page] = { config: readJSON(folder, `${page}.json`), css: styles(folder, `${page}.wxss`) };
    read(folder, `${page}.js`);
  }
  return `window.miniProgram = {
    app: ${JSON.stringify(app)}, appCss: ${JSON.stringify(styles(folder, "app.wxss"))},
    pages: ${JSON.stringify(pages)}, modules: ${JSON.stringify(scripts(folder))},
    templates: ${templates.getTmplGenObjectGroups()} };`;
}

// The runtime (glass-easel, built-in components, wx) as one script.
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
