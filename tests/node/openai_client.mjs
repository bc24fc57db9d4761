// OpenAI's Node client at the gateway. Usage: openai_client.mjs BASE_URL SCENARIO...

import assert from "node:assert/strict";
import {
  CITY,
  CITY_ARGUMENTS,
  HELLO,
  KEY,
  PARALLEL,
  RECOVER,
  ROOT,
  TALE,
  TOKENS,
  collect,
  load,
  raises,
  range,
  run,
  tell,
  waitForTheTest,
} from "./scenarios.mjs";

const { OpenAI, toFile } = load("openai");

const options = { baseURL: `${ROOT}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 };
const client = new OpenAI(options);
const PLAIN = "gpt-plain";
const messages = [{ role: "user", content: "Say hello." }];
const CHAT_TOOL = { type: "function", function: { name: "weather", parameters: CITY } };
const RESPONSES_TOOL = { type: "function", name: "weather", parameters: CITY, strict: false };

const ask = (model = PLAIN, more = {}) => client.chat.completions.create({ model, messages, ...more });
const respond = (model = PLAIN, more = {}) => client.responses.create({ model, input: "Say hello.", ...more });
const complete = (model = PLAIN, more = {}) => client.completions.create({ model, prompt: "Say hello.", ...more });
const chatText = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
const isWeather = (call) => {
  assert.equal(call.name, "weather");
  assert.deepEqual(JSON.parse(call.arguments), CITY_ARGUMENTS);
};

const answers = {
  async chat() {
    const { choices, usage } = await ask();
    assert.equal(choices[0].message.content, HELLO);
    assert.equal(choices[0].finish_reason, "stop");
    assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], TOKENS);
  },

  async responses() {
    const answer = await respond();
    assert.equal(answer.output_text, HELLO);
    assert.equal(answer.status, "completed");
    assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], TOKENS);
  },

  async completions() {
    const { choices, usage } = await complete();
    assert.equal(choices[0].text, HELLO);
    assert.equal(choices[0].finish_reason, "stop");
    assert.equal(usage.completion_tokens, TOKENS[1]);
  },

  async embeddings() {
    // The client asks for base64 by itself and decodes it.
    const call = { model: "text-embedding-plain", input: ["one", "two"] };
    const packed = await client.embeddings.create(call);
    const plain = await client.embeddings.create({ ...call, encoding_format: "float" });
    assert.deepEqual(packed.data.map((item) => item.embedding.length), [256, 256]);
    packed.data.forEach((item, index) => {
      const other = plain.data[index].embedding;
      const apart = Math.max(...item.embedding.map((number, at) => Math.abs(number - other[at])));
      assert.ok(apart < 1e-6, `${apart}`);
    });
    assert.notDeepEqual(packed.data[0].embedding, packed.data[1].embedding);
  },

  async embeddings_of_lists() {
    const call = { model: "text-embedding-lists", input: "one" };
    const { data } = await client.embeddings.create(call);
    assert.deepEqual(data[0].embedding.map((number) => Math.fround(number)), [1, -2.5, 0.125, Math.fround(3e-3)]);
    const plain = await client.embeddings.create({ ...call, encoding_format: "base64" });
    assert.equal(plain.data[0].embedding, "AACAPwAAIMAAAAA+pptEOw==");
  },

  async models() {
    const names = (await collect(client.models.list())).map((model) => model.id);
    assert.ok(names.includes(PLAIN) && names.includes("everyday"), `${names}`);
    const model = await client.models.retrieve(PLAIN);
    assert.deepEqual([model.id, model.owned_by], [PLAIN, "openai"]);
    // A list forgets new models; a name that leads somewhere is enough.
    assert.equal((await client.models.retrieve("gpt-unlisted")).id, "gpt-unlisted");
    await raises(OpenAI.NotFoundError, () => client.models.retrieve("everydy"));
  },

  async alias() {
    for (const name of ["everyday", "openai/gpt-plain"]) {
      assert.equal((await ask(name)).choices[0].message.content, HELLO);
    }
  },
};

const streams = {
  async chat_stream() {
    const chunks = await collect(await ask(PLAIN, { stream: true, stream_options: { include_usage: true } }));
    assert.equal(chatText(chunks), HELLO);
    const finishes = chunks.filter((chunk) => chunk.choices.length).map((chunk) => chunk.choices[0].finish_reason);
    assert.equal(finishes.pop(), "stop");
    assert.ok(!finishes.some(Boolean), `${finishes}`);
    const { usage } = chunks.at(-1);
    assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], TOKENS);
  },

  async chat_stream_helper() {
    const stream = client.chat.completions.stream({ model: PLAIN, messages });
    let text = "";
    stream.on("content", (delta) => (text += delta));
    const final = await stream.finalChatCompletion();
    assert.equal(text, HELLO);
    assert.equal(final.choices[0].message.content, HELLO);
    // What was not asked for is not there.
    assert.ok(!final.usage, JSON.stringify(final));
  },

  async responses_stream() {
    const stream = client.responses.stream({ model: PLAIN, input: "Say hello." });
    const deltas = (await collect(stream)).filter((event) => event.type === "response.output_text.delta");
    const final = await stream.finalResponse();
    assert.equal(deltas.map((event) => event.delta).join(""), HELLO);
    assert.ok(deltas.length > 1);
    assert.equal(final.output_text, HELLO);
    assert.equal(final.usage.output_tokens, TOKENS[1]);
  },

  async completions_stream() {
    const chunks = await collect(await complete(PLAIN, { stream: true }));
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join(""), HELLO);
  },

  async chat_tools() {
    const tools = [CHAT_TOOL];
    isWeather((await ask(PLAIN, { tools })).choices[0].message.tool_calls[0].function);
    const stream = client.chat.completions.stream({ model: PLAIN, messages, tools });
    const [choice] = (await stream.finalChatCompletion()).choices;
    assert.equal(choice.finish_reason, "tool_calls");
    isWeather(choice.message.tool_calls[0].function);
  },

  async responses_tools() {
    const stream = client.responses.stream({ model: PLAIN, input: "Say hello.", tools: [RESPONSES_TOOL] });
    const deltas = (await collect(stream)).filter((event) => event.type === "response.function_call_arguments.delta");
    assert.ok(deltas.length > 1);
    assert.deepEqual(JSON.parse(deltas.map((event) => event.delta).join("")), CITY_ARGUMENTS);
    isWeather((await stream.finalResponse()).output.find((item) => item.type === "function_call"));
  },
};

const keys = {
  async either_header() {
    assert.equal((await ask()).choices[0].message.content, HELLO);
    const headers = { authorization: null, "x-api-key": KEY };
    const other = new OpenAI({ ...options, defaultHeaders: headers });
    const answer = await other.chat.completions.create({ model: PLAIN, messages });
    assert.equal(answer.choices[0].message.content, HELLO);
  },

  async wrong_key() {
    const stranger = new OpenAI({ ...options, apiKey: "a-key-that-nobody-gave-out" });
    const call = () => stranger.chat.completions.create({ model: PLAIN, messages });
    assert.equal((await raises(OpenAI.AuthenticationError, call)).code, "invalid_api_key");
    await raises(OpenAI.AuthenticationError, () => stranger.models.list());
  },
};

const failures = {
  async unknown_model() {
    const error = await raises(OpenAI.NotFoundError, () => ask("everydy"));
    assert.match(error.message, /everyday/);
    assert.equal(error.code, "model_not_found");
  },

  async missing_messages() {
    const call = () => client.post("/chat/completions", { body: { model: PLAIN } });
    assert.match((await raises(OpenAI.BadRequestError, call)).message, /messages/);
  },

  async limited() {
    const error = await raises(OpenAI.RateLimitError, () => ask("gpt-limited"));
    assert.equal(error.headers.get("retry-after"), "1");
  },

  async broken() {
    assert.equal((await raises(OpenAI.InternalServerError, () => ask("gpt-broken"))).status, 500);
  },

  async away() {
    assert.equal((await raises(OpenAI.InternalServerError, () => ask("gpt-away"))).status, 503);
  },

  async locked() {
    const error = await raises(OpenAI.AuthenticationError, () => ask("gpt-locked"));
    const shown = `${error} ${JSON.stringify(error.error)} ${JSON.stringify([...error.headers])}`;
    assert.doesNotMatch(shown, /test-provider-key|the provider's own words/);
  },

  async page() {
    assert.equal((await raises(OpenAI.InternalServerError, () => ask("gpt-page"))).status, 502);
  },

  async gone() {
    const error = await raises(OpenAI.InternalServerError, () => ask("gone-openai/gpt-plain"));
    assert.equal(error.status, 502);
    assert.match(error.message, /gone-openai/);
  },

  async silent() {
    for (const more of [{}, { stream: true }]) {
      const error = await raises(OpenAI.InternalServerError, () => ask("gpt-silent", more));
      assert.equal(error.status, 504);
    }
  },

  // All three streams of a model start, and none of them may seem to end well.
  async torn() {
    for (const model of ["gpt-cut", "gpt-reset", "gpt-stopped", "gpt-fails"]) {
      for (const call of [ask, respond, complete]) {
        const stream = await call(model, { stream: true });
        await raises(OpenAI.APIError, () => collect(stream));
      }
    }
  },

  async torn_helper() {
    const stream = client.responses.stream({ model: "gpt-cut", input: "Say hello." });
    await raises(OpenAI.OpenAIError, () => stream.finalResponse());
  },
};

// Streams that are gone on with.
async function wholeTale(model) {
  const call = { model, messages, stream: true, stream_options: { include_usage: true } };
  const chunks = await collect(await client.chat.completions.create(call, RECOVER));
  assert.equal(chatText(chunks), TALE);
  const finishes = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.finish_reason ?? null));
  assert.deepEqual(finishes.filter((finish) => finish !== null), ["stop"]);
  assert.equal(finishes.at(-1), "stop");
  assert.equal(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.model}`)).size, 1);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
}

const tales = {
  tale_raw: () => wholeTale("gpt-tale-raw"),

  tale_late: () => wholeTale("gpt-tale-late"),

  async tale_helper() {
    const stream = client.chat.completions.stream({ model: "gpt-tale-helper", messages }, RECOVER);
    const [choice] = (await stream.finalChatCompletion()).choices;
    assert.deepEqual([choice.message.content, choice.finish_reason], [TALE, "stop"]);
  },

  // The same in Responses, whose provider must not have kept the half of it.
  async tale_other() {
    const call = { model: "gpt-tale-other", input: "Say hello.", store: false };
    const final = await client.responses.stream(call, RECOVER).finalResponse();
    assert.deepEqual([final.output_text, final.status], [TALE, "completed"]);
  },

  async tale_off() {
    let text = "";
    await raises(OpenAI.APIError, async () => {
      for await (const chunk of await ask("gpt-tale-off", { stream: true })) {
        assert.equal(chunk.choices[0].finish_reason ?? null, null);
        text += chunk.choices[0].delta.content ?? "";
      }
    });
    assert.ok(text && TALE.startsWith(text) && text !== TALE, text);
  },
};

// Streams from an alias whose first target fails, and tells who answered.
async function fallenBack(name) {
  const call = { model: `gpt-spare-${name}`, messages, stream: true };
  const { data, response } = await client.chat.completions.create(call).withResponse();
  assert.equal(chatText(await collect(data)), HELLO, name);
  assert.equal(response.headers.get("x-orchestra-attempts"), "2", name);
  return response.headers.get("x-orchestra-provider");
}

async function quoted(number) {
  const words = `number ${number}`;
  const call = { model: "gpt-quote", messages: [{ role: "user", content: words }] };
  const text =
    number % 2
      ? (await client.chat.completions.create(call)).choices[0].message.content
      : chatText(await collect(await client.chat.completions.create({ ...call, stream: true })));
  assert.equal(text, `You said: ${words}`);
}

const journeys = {
  async fallback() {
    // Only a stream tells before its end that it will not come, or that it went wrong.
    for (const name of ["broken", "gone"]) {
      const { data, response } = await ask(`gpt-spare-${name}`).withResponse();
      assert.equal(data.choices[0].message.content, HELLO, name);
      assert.equal(response.headers.get("x-orchestra-attempts"), "2", name);
    }
    const spares = {};
    for (const name of ["broken", "gone", "silent", "fails-early"]) spares[name] = await fallenBack(name);
    return spares;
  },

  async leave() {
    let seen = 0;
    for await (const _chunk of await ask("gpt-endless", { stream: true })) {
      seen += 1;
      if (seen < 5) continue;
      tell({ leaving: true });
      break;
    }
    await waitForTheTest();
  },

  // A stream that is under way when the server is told to stop.
  async outlive() {
    const chunks = [];
    for await (const chunk of await ask("gpt-slow", { stream: true })) {
      if (!chunks.length) tell({ streaming: true });
      chunks.push(chunk);
    }
    return { text: chatText(chunks) };
  },

  parallel: () => Promise.all(range(PARALLEL).map(quoted)).then(() => undefined),

  // What the gateway does not know is passed on.
  async upload() {
    const own = new OpenAI({ ...options, baseURL: `${ROOT}/openai/v1` });
    const content = Buffer.from(range(5_000).map((number) => `{"line": ${number}}\n`).join(""));
    const received = await own.files.create({ file: await toFile(content, "batch.jsonl"), purpose: "batch" });
    assert.deepEqual([received.path, received.method], ["/v1/files", "POST"]);
    assert.ok(received.body_bytes > content.length, JSON.stringify(received));
    return { file_bytes: content.length };
  },

  // The double that others wrote.
  async double() {
    const greeting = { model: PLAIN, messages: [{ role: "user", content: "hello gateway" }] };
    const expected = "Hello from the other double, word by word.";
    assert.equal((await client.chat.completions.create(greeting)).choices[0].message.content, expected);
    const usage = { stream: true, stream_options: { include_usage: true } };
    const chunks = await collect(await client.chat.completions.create({ ...greeting, ...usage }));
    assert.equal(chatText(chunks), expected);
    assert.equal(chunks.at(-1).usage.total_tokens, 14);
    const stream = client.responses.stream({ model: PLAIN, input: "hello gateway" });
    assert.equal((await stream.finalResponse()).output_text, expected);
  },
};

await run({ ...answers, ...streams, ...keys, ...failures, ...tales, ...journeys });
