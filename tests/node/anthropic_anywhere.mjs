// Anthropic's Node client on upstreams of any dialect. Usage: anthropic_anywhere.mjs BASE_URL SCENARIO:UPSTREAM...

import assert from "node:assert/strict";

import { ANSWER, ASK, CACHED, MODELS, READ, SAY_HELLO, SCHEMAS, Tools, WRITTEN } from "./anywhere.mjs";
import { HELLO, KEY, ROOT, collect, load, raises, run } from "./scenarios.mjs";

const { Anthropic } = load("@anthropic-ai/sdk");
const { zodOutputFormat } = load("@anthropic-ai/sdk/helpers/zod");
const { betaTool } = load("@anthropic-ai/sdk/helpers/beta/json-schema");
const { z } = load("zod");

const client = new Anthropic({ baseURL: ROOT, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const Place = z.object({ city: z.string(), days: z.number().int() });
const TOOLS = Object.entries(SCHEMAS).map(([name, input_schema]) => ({ name, description: name, input_schema }));

const call = (upstream, more) => ({ model: MODELS[upstream], max_tokens: 4096, messages: SAY_HELLO, ...more });
const textOf = (message) =>
  message.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join("");

function checkUsage({ input_tokens, cache_read_input_tokens, output_tokens }) {
  // What was read from the cache is counted apart.
  assert.deepEqual([input_tokens, cache_read_input_tokens, output_tokens], [READ - CACHED, CACHED, WRITTEN]);
}

const answers = {
  async messages(upstream) {
    const answer = await client.messages.create(call(upstream));
    assert.deepEqual([textOf(answer), answer.stop_reason], [HELLO, "end_turn"]);
    checkUsage(answer.usage);
  },

  async messages_stream(upstream) {
    const stream = client.messages.stream(call(upstream, { system: "Be brief." }));
    let text = "";
    stream.on("text", (delta) => (text += delta));
    const final = await stream.finalMessage();
    assert.equal(text, HELLO);
    assert.deepEqual([textOf(final), final.stop_reason], [HELLO, "end_turn"]);
    checkUsage(final.usage);
  },

  // Hands the model's blocks back as they came, until it calls no tool any more.
  async loop(upstream) {
    const [messages, tools] = [[...ASK], new Tools()];
    const thinking = { type: "enabled", budget_tokens: 2048 };
    for (;;) {
      const turn = call(upstream, { messages, tools: TOOLS, thinking });
      const answer = await client.messages.stream(turn).finalMessage();
      if (answer.stop_reason !== "tool_use") {
        assert.equal(textOf(answer), ANSWER);
        break;
      }
      const results = answer.content
        .filter((block) => block.type === "tool_use")
        .map(({ id, name, input }) => ({ type: "tool_result", tool_use_id: id, content: tools.run(name, input) }));
      messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
    }
    tools.check();
  },

  // The client's own loop, which may first ask for a stored thread.
  async tool_runner(upstream) {
    for (const stream of [false, true]) {
      const run = new Tools();
      const tools = TOOLS.map(({ name, description, input_schema: inputSchema }) =>
        betaTool({ name, description, inputSchema, run: (input) => run.run(name, input) }),
      );
      const runner = client.beta.messages.toolRunner(call(upstream, { messages: ASK, tools, stream }));
      assert.equal(textOf(await runner.runUntilDone()), ANSWER);
      run.check();
    }
  },

  async parse(upstream) {
    const output_config = { format: zodOutputFormat(Place) };
    const answer = await client.messages.parse(call(upstream, { output_config }));
    assert.deepEqual(answer.parsed_output, { city: "Paris", days: 1 });
  },

  async count_tokens(upstream) {
    const counted = await client.messages.countTokens({ model: MODELS[upstream], messages: ASK, tools: TOOLS });
    assert.ok(counted.input_tokens > 20 && counted.input_tokens < 2000, `${counted.input_tokens}`);
  },
};

const faulty = (upstream, fault, more) =>
  client.messages.create(call(upstream, { model: `${MODELS[upstream]}-${fault}`, ...more }));

const failures = {
  async limited(upstream) {
    const error = await raises(Anthropic.RateLimitError, () => faulty(upstream, "limited"));
    assert.equal(error.headers.get("retry-after"), "17");
  },

  async torn(upstream) {
    for (const fault of ["cut", "fails"]) {
      const stream = await faulty(upstream, fault, { stream: true });
      await raises(Anthropic.APIError, () => collect(stream));
    }
  },
};

await run({ ...answers, ...failures });
