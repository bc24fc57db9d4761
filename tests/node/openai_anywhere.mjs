// OpenAI's Node client on upstreams of any dialect. Usage: openai_anywhere.mjs BASE_URL SCENARIO:UPSTREAM...

import assert from "node:assert/strict";

import { ANSWER, ASK, CACHED, MODELS, READ, SAY_HELLO, SCHEMAS, Tools, WRITTEN } from "./anywhere.mjs";
import { HELLO, KEY, ROOT, collect, load, raises, run } from "./scenarios.mjs";

const { OpenAI } = load("openai");
const { zodResponseFormat, zodTextFormat } = load("openai/helpers/zod");
const { z } = load("zod");

const client = new OpenAI({ baseURL: `${ROOT}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const Place = z.object({ city: z.string(), days: z.number().int() });
const PLACE = { city: "Paris", days: 1 };

/** The tools, each of which the client runs by itself. */
const runnable = (tools) =>
  Object.entries(SCHEMAS).map(([name, parameters]) => ({
    type: "function",
    function: { name, description: name, parameters, parse: JSON.parse, function: (input) => tools.run(name, input) },
  }));
const RESPONSES_TOOLS = Object.entries(SCHEMAS).map(([name, parameters]) => ({
  type: "function",
  name,
  description: name,
  parameters,
  strict: true,
}));

function chatUsage({ prompt_tokens, completion_tokens, prompt_tokens_details }) {
  assert.deepEqual([prompt_tokens, completion_tokens, prompt_tokens_details.cached_tokens], [READ, WRITTEN, CACHED]);
}

const chat = {
  async chat(upstream) {
    const answer = await client.chat.completions.create({ model: MODELS[upstream], messages: SAY_HELLO });
    const [choice] = answer.choices;
    assert.deepEqual([choice.message.content, choice.finish_reason], [HELLO, "stop"]);
    chatUsage(answer.usage);
  },

  async chat_stream(upstream) {
    const call = { model: MODELS[upstream], messages: SAY_HELLO, stream_options: { include_usage: true } };
    const stream = client.chat.completions.stream(call);
    let text = "";
    stream.on("content", (delta) => (text += delta));
    const final = await stream.finalChatCompletion();
    assert.equal(text, HELLO);
    assert.equal(final.choices[0].message.content, HELLO);
    chatUsage(final.usage);
  },

  async chat_runner(upstream) {
    const tools = new Tools();
    const call = { model: MODELS[upstream], messages: ASK, tools: runnable(tools) };
    const runner = client.chat.completions.runTools(call);
    assert.equal(await runner.finalContent(), ANSWER);
    tools.check();
  },

  async chat_runner_stream(upstream) {
    const tools = new Tools();
    const call = { model: MODELS[upstream], messages: ASK, tools: runnable(tools), stream: true };
    const runner = client.chat.completions.runTools({ ...call, reasoning_effort: "high" });
    assert.equal(await runner.finalContent(), ANSWER);
    tools.check();
  },

  async chat_parse(upstream) {
    const call = { model: MODELS[upstream], messages: SAY_HELLO, response_format: zodResponseFormat(Place, "place") };
    const answer = await client.chat.completions.parse(call);
    assert.deepEqual(answer.choices[0].message.parsed, PLACE);
  },
};

const responses = {
  async responses(upstream) {
    const answer = await client.responses.create({ model: MODELS[upstream], input: "Say hello." });
    assert.deepEqual([answer.output_text, answer.status], [HELLO, "completed"]);
    const { input_tokens, output_tokens, input_tokens_details } = answer.usage;
    assert.deepEqual([input_tokens, output_tokens, input_tokens_details.cached_tokens], [READ, WRITTEN, CACHED]);
  },

  async responses_stream(upstream) {
    const stream = client.responses.stream({ model: MODELS[upstream], input: "Say hello." });
    const events = await collect(stream);
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    assert.ok(deltas.length > 1);
    assert.equal(deltas.map((event) => event.delta).join(""), HELLO);
    assert.equal((await stream.finalResponse()).output_text, HELLO);
  },

  // Hands the model's items back as they came, until it calls no tool any more.
  async responses_loop(upstream) {
    const [input, tools] = [[...ASK], new Tools()];
    const more = { reasoning: { effort: "high", summary: "auto" }, include: ["reasoning.encrypted_content"] };
    for (;;) {
      const call = { model: MODELS[upstream], input, tools: RESPONSES_TOOLS, store: false, ...more };
      const answer = await client.responses.stream(call).finalResponse();
      input.push(...answer.output);
      const calls = answer.output.filter((item) => item.type === "function_call");
      if (!calls.length) {
        assert.equal(answer.output_text, ANSWER);
        break;
      }
      for (const { call_id, name, arguments: text } of calls) {
        input.push({ type: "function_call_output", call_id, output: tools.run(name, JSON.parse(text)) });
      }
    }
    tools.check();
  },

  async responses_parse(upstream) {
    const call = { model: MODELS[upstream], input: "Say hello.", text: { format: zodTextFormat(Place, "place") } };
    assert.deepEqual((await client.responses.parse(call)).output_parsed, PLACE);
  },
};

// A chat and a response of a model that has this fault.
const both = (upstream, fault, more) => {
  const model = `${MODELS[upstream]}-${fault}`;
  return [
    () => client.chat.completions.create({ model, messages: SAY_HELLO, ...more }),
    () => client.responses.create({ model, input: "Say hello.", ...more }),
  ];
};

const failures = {
  async limited(upstream) {
    for (const call of both(upstream, "limited", {})) {
      const error = await raises(OpenAI.RateLimitError, call);
      assert.equal(error.headers.get("retry-after"), "17");
    }
  },

  async torn(upstream) {
    for (const fault of ["cut", "fails"]) {
      for (const call of both(upstream, fault, { stream: true })) {
        const stream = await call();
        await raises(OpenAI.APIError, () => collect(stream));
      }
    }
  },
};

await run({ ...chat, ...responses, ...failures });
