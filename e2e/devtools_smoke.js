// An optional smoke run in the simulator of WeChat DevTools: fills in and submits one rating. It is not part of
// `make e2e`, and it was not run when it was written, because DevTools is not available where the tests run.
//
//   1. make run                                             (in another terminal)
//   2. DevTools: 设置 → 安全 → 服务端口 on; 不校验合法域名 ticked for this project
//   3. npm install --no-save --prefix e2e miniprogram-automator@0.12.1
//   4. node e2e/devtools_smoke.js [ACCOUNT_NUMBER]          (WECHAT_CLI=… for another place of DevTools' cli)
const assert = require("node:assert/strict");
const path = require("node:path");

const CLI = {
  darwin: "/Applications/wechatwebdevtools.app/Contents/MacOS/cli",
  win32: "C:/Program Files (x86)/Tencent/微信web开发者工具/cli.bat",
};

async function submitRating(program, accNbr) {
  const page = await program.reLaunch(`/pages/score/score?acc_nbr=${encodeURIComponent(accNbr)}`);
  await page.waitFor(".star");
  for (const name of ["grade1", "grade2", "grade3"]) {
    const stars = await page.$$(`#field-${name} .star`);
    await stars[stars.length - 1].tap();
  }
  await (await page.$("textarea")).input("开发者工具冒烟测试");
  await (await page.$(".bar .primary")).tap();
  for (let waited = 0; waited < 20; waited += 1) {
    const current = await program.currentPage();
    if (current.path === "pages/thanks/thanks") return current;
    await current.waitFor(500);
  }
  throw new Error("the thank-you page did not open within 10 seconds");
}

async function main() {
  let automator;
  try {
    automator = require("miniprogram-automator");
  } catch {
    throw new Error("install it first: npm install --no-save --prefix e2e miniprogram-automator@0.12.1");
  }
  const cliPath = process.env.WECHAT_CLI || CLI[process.platform];
  const program = await automator.launch({ cliPath, projectPath: path.join(__dirname, "..", "miniprogram") });
  try {
    const thanks = await submitRating(program, process.argv[2] || "13800138000");
    assert.ok(await thanks.$("#thanks"));
    assert.match(await (await thanks.$(".masked-number")).text(), /\*{4}/);
    console.log("devtools: one rating submitted");
  } finally {
    await program.close();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
