// Starts the real server: gunicorn with production settings, on the database of DATABASE_URL.
const { execFile, spawn } = require("node:child_process");
const http = require("node:http");
const net = require("node:net");
const path = require("node:path");
const { promisify } = require("node:util");

const ROOT = path.dirname(__dirname);
const PYTHON = path.join(ROOT, ".venv", "bin", "python");
// Neither the shell's environment nor an operator's .env applies. The key is for these tests only.
const TEST_SETTINGS = {
  ENV_FILE: "",
  SECRET_KEY: "for-the-end-to-end-tests-only-0123456789",
  WEB_WORKERS: "1",
  LOG_LEVEL: "WARNING",
};
// A scenario sends so many ratings of its account only to meet the limit.
const LIMITS = { RATE_LIMIT_ACCOUNT: "20/15" };
const run = promisify(execFile);
const environment = (settings) => ({
  PATH: process.env.PATH,
  LC_ALL: "C.UTF-8",
  DATABASE_URL: process.env.DATABASE_URL,
  ...TEST_SETTINGS,
  ...settings,
});

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function isAnswering(port, address) {
  return new Promise((resolve) => {
    const request = http.get({ port, host: "127.0.0.1", path: address, timeout: 2000 }, (reply) => {
      reply.resume();
      resolve(true);
    });
    request.on("error", () => resolve(false));
    request.on("timeout", () => request.destroy());
  });
}

// Starts a program that listens on `port`, and waits until it answers a request of `readyPath`.
async function startProgram(command, args, { port, env, readyPath = "/" }) {
  const log = [];
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (text) => log.push(text));
  child.stderr.on("data", (text) => log.push(text));
  for (let tries = 0; !(await isAnswering(port, readyPath)); tries += 1) {
    if (child.exitCode !== null || tries > 300) throw new Error(`${command} does not answer:\n${log.join("")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) return resolve();
      child.on("exit", resolve);
      return child.kill("SIGTERM");
    });
  return { port, stop, log: () => log.join("") };
}

const migrate = () =>
  run(PYTHON, ["manage.py", "migrate", "--no-input", "--verbosity", "0"], { cwd: ROOT, env: environment() });

async function startSite(settings = {}) {
  const port = await freePort();
  const env = environment({ PORT: String(port), ...settings });
  return startProgram(path.join(ROOT, ".venv", "bin", "gunicorn"), ["--config", "deploy/gunicorn.conf.py"], {
    port,
    env,
    readyPath: "/score/form",
  });
}

// Starts the stub of WeChat's API. Also returns the settings of a site that requires its login.
async function startWeChatStub() {
  const port = await freePort();
  const stub = await startProgram("python3", [path.join(__dirname, "wechat_stub.py"), String(port)], {
    port,
    env: environment(),
  });
  const settings = {
    WECHAT_APPID: "wxe2e",
    WECHAT_SECRET: "for-the-end-to-end-tests-only",
    WECHAT_API_URL: `http://127.0.0.1:${port}`,
    REQUIRE_WECHAT_LOGIN: "1",
  };
  return { ...stub, settings };
}

// The printed code of a new dispatch of this account (grades/tokens.py).
async function makeCode(accNbr, area) {
  const script = `
from datetime import date
from grades.models import Account
from grades.tokens import make_code
dispatch = Account.objects.create(acc_nbr="${accNbr}", area="${area}", pay_type=Account.PayType.choices[0][0],
    dispatched_on=date.today(), monthly_fee=1, acct_id="e2e-${accNbr}")
print(make_code(dispatch.pk, date(2099, 1, 1)))`;
  const { stdout } = await run(PYTHON, ["manage.py", "shell", "--verbosity", "0", "-c", script], {
    cwd: ROOT,
    env: environment(),
  });
  return stdout.trim();
}

// The rows of an account, oldest first, read from the database and not from the server.
async function storedRatings(accNbr) {
  const [, user, password, host, port, name] = /^mysql:\/\/([^:]+):([^@]+)@([^:]+):(\d+)\/(.+)$/.exec(
    process.env.DATABASE_URL,
  );
  if (!/^[\w.@+-]+$/.test(accNbr)) throw new Error(`not safe in SQL: ${accNbr}`);
  const columns = ["grade1", "grade2", "grade3", "txt1", "txt2", "txt3"].map((column) => `'${column}', ${column}`);
  const { stdout } = await run(
    "mariadb",
    [
      "--no-defaults",
      `--host=${host}`,
      `--port=${port}`,
      `--user=${user}`,
      "--default-character-set=utf8mb4",
      "--batch",
      "--raw",
      "--skip-column-names",
      name,
      "--execute",
      `SELECT JSON_OBJECT(${columns}) FROM grade WHERE acc_nbr = '${accNbr}' ORDER BY id`,
    ],
    { env: { ...environment(), MYSQL_PWD: password } },
  );
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

module.exports = { LIMITS, makeCode, migrate, startSite, startWeChatStub, storedRatings, ROOT };
