// A provider behind TLS, over HTTP/2 or HTTP/1.1 as the first argument says. It answers Chat
// Completions with the version of HTTP that it was asked over.
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { createServer } from "node:https";

const [version, certificate, key] = process.argv.slice(2);
const options = { cert: readFileSync(certificate), key: readFileSync(key) };
const create = version === "1.1" ? createServer : createSecureServer;

const server = create(options, (request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    const text = `over ${request.httpVersion}`;
    const chunk = (delta, finish_reason) =>
      `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
    if (JSON.parse(body).stream) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const word of text.split(" ")) response.write(chunk({ content: `${word} ` }, null));
      response.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      const message = { role: "assistant", content: text };
      response.end(JSON.stringify({ id: "c", choices: [{ index: 0, message, finish_reason: "stop" }] }));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on("end", () => process.exit(0));
