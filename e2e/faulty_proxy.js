// Stands between a phone and the real server, and misbehaves when told to; else it passes everything on.
const http = require("node:http");

class FaultyProxy {
  // upstream: the server's port on this machine.
  constructor(upstream) {
    this.upstream = upstream;
    this.faults = []; // [path, fault], each for one request
    this.seen = []; // {method, path, headers, body, status} in the order of arrival
    this.server = http.createServer((request, response) => this.handle(request, response));
  }

  start() {
    return new Promise((resolve) => {
      this.server.listen(this.port ?? 0, "127.0.0.1", () => {
        this.port = this.server.address().port;
        resolve(this);
      });
    });
  }

  // From now on nobody listens: a connection is refused.
  stop() {
    return new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }

  // The next request of this path meets the fault: one of the functions below.
  next(path, fault) {
    this.faults.push([path, fault]);
  }

  // What arrived at a path.
  to(path) {
    return this.seen.filter((entry) => entry.path === path);
  }

  async handle(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = request.url.split("?")[0];
    const entry = {
      method: request.method,
      path,
      url: request.url,
      headers: request.headers,
      body: body.toString(),
      status: null,
    };
    this.seen.push(entry);
    const position = this.faults.findIndex(([faulty]) => faulty === path);
    const fault = position < 0 ? passOn : this.faults.splice(position, 1)[0][1];
    await fault({ response, entry, forward: () => this.forward(request, body, entry) });
  }

  forward(request, body, entry) {
    return new Promise((resolve, reject) => {
      const headers = { ...request.headers, host: `127.0.0.1:${this.upstream}` };
      const onward = http.request(
        {
          port: this.upstream,
          host: "127.0.0.1",
          method: request.method,
          path: request.url,
          headers,
          agent: false,
        },
        async (reply) => {
          const chunks = [];
          for await (const chunk of reply) chunks.push(chunk);
          entry.status = reply.statusCode;
          resolve({ status: reply.statusCode, headers: reply.rawHeaders, body: Buffer.concat(chunks) });
        },
      );
      onward.on("error", reject);
      onward.end(body);
    });
  }
}

async function passOn({ response, forward }) {
  const reply = await forward();
  response.writeHead(reply.status, reply.headers);
  response.end(reply.body);
}

// Another reply, which the server never hears of.
const reply =
  (status, headers, body) =>
  async ({ response, entry }) => {
    entry.status = status;
    response.writeHead(status, headers);
    response.end(body);
  };

// The server does its work; its reply is lost.
const loseReply = async ({ response, forward }) => {
  await forward();
  response.socket.destroy();
};

// Nothing comes back, and nothing reaches the server.
const silence = async () => {};

// The server answers, but the answer is kept back until `open` is called.
function gate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  const fault = async ({ response, forward }) => {
    const reply = await forward();
    await opened;
    response.writeHead(reply.status, reply.headers);
    response.end(reply.body);
  };
  return { fault, open };
}

// The wireless network of a hotel: its own page, and 200.
const portal = reply(200, { "Content-Type": "text/html" }, "<!doctype html><title>Welcome</title>Log in to our Wi-Fi");

module.exports = { FaultyProxy, reply, loseReply, silence, gate, portal };
