// The clients that the phones run: built, and served each under its own path.
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { buildClient, buildRuntime } = require("./build");

const DOCUMENT =
  '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>小程序</title>' +
  '<meta name="viewport" content="width=device-width,initial-scale=1">' +
  '<link rel="icon" href="data:,"><body><script src="client.js"></script><script src="/runtime.js"></script>';

// `clients`: {name: script}.
function serveClients(clients) {
  const runtime = buildRuntime();
  const server = http.createServer((request, response) => {
    const address = request.url.split("?")[0];
    const [, name, file] = /^\/([^/]+)\/(client\.js)?$/.exec(address) ?? [];
    const [type, body] =
      address === "/runtime.js"
        ? ["text/javascript", runtime]
        : file
          ? ["text/javascript", clients[name]]
          : ["text/html", DOCUMENT];
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` });
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

// Builds the client of `folder` with the article's score page instead of its own.
function buildArticleClient(folder, temporary) {
  const copy = path.join(temporary, "article");
  fs.cpSync(folder, copy, { recursive: true });
  fs.cpSync(path.join(__dirname, "article", "pages"), path.join(copy, "pages"), { recursive: true });
  return buildClient(copy);
}

module.exports = { serveClients, buildArticleClient };
