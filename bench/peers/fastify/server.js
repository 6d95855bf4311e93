// Fastify with mysql2's pool, in two processes. The schema is compiled; each connection prepares the INSERT once.
"use strict";

const cluster = require("node:cluster");

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
  cluster.on("exit", () => process.exit(1));
} else {
  serve();
}

function serve() {
  const querystring = require("fast-querystring");
  const pool = require("mysql2/promise").createPool({ uri: process.env.DATABASE_URL, connectionLimit: 16 });
  const insert =
    `INSERT INTO ${process.env.TABLE} (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)` +
    " VALUES (?, ?, ?, ?, ?, ?, ?, NOW())";
  const app = require("fastify")({ logger: false });

  app.register(require("@fastify/formbody"), {
    parser(text) {
      const fields = querystring.parse(text);
      for (const name in fields) fields[name] = JSON.parse(fields[name]);
      return fields;
    },
  });
  app.setErrorHandler((error, request, reply) => {
    const refused = error.validation || error instanceof SyntaxError;
    if (!refused) console.error(error);
    reply.code(refused ? 400 : 500).type("application/json").send(JSON.stringify("数据提交失败"));
  });

  const grade = { type: "integer", minimum: 1, maximum: 5 };
  const remark = { type: "string", maxLength: 500, pattern: "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]*$" };
  const properties = {
    acc_nbr: { type: "string", pattern: "^[0-9A-Za-z._@+-]{1,32}$" },
    grade1: grade,
    grade2: grade,
    grade3: grade,
    txt1: remark,
    txt2: remark,
    txt3: remark,
  };
  const schema = { body: { type: "object", required: Object.keys(properties), properties } };
  app.post("/score", { schema }, async (request, reply) => {
    const { acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3 } = request.body;
    await pool.execute(insert, [acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3]);
    reply.type("application/json");
    return JSON.stringify("数据提交成功");
  });
  app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
}
