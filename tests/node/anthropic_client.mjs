// Anthropic's Node client at the gateway. Usage: anthropic_client.mjs BASE_URL SCENARIO...

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

const { Anthropic } = load("@anthropic-ai/sdk");

const options = { baseURL: ROOT, apiKey: KEY, maxRetries: 0, timeout: 30_000 };
const client = new Anthropic(options);
const PLAIN = "claude-plain";
const HELLO_CALL = { messages: [{ role: "user", content: "Say hello." }], max_tokens: 100 };
const TOOL = { name: "weather", input_schema: CITY };

const ask = (model = PLAIN, more = {}) => client.messages.create({ model, ...HELLO_CALL, ...more });
const listen = (model = PLAIN, more = {}) => client.messages.stream({ model, ...HELLO_CALL, ...more });
const textOf = (message) =>
  message.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join("");

const answers = {
  async messages() {
    const answer = await ask();
    assert.equal(textOf(answer), HELLO);
    assert.equal(answer.stop_reason, "end_turn");
    assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], TOKENS);
  },

  async count_tokens() {
    const { messages } = HELLO_CALL;
    assert.ok((await client.messages.countTokens({ model: PLAIN, messages })).input_tokens > 0);
  },

  async models() {
    const names = (await collect(client.models.list())).map((model) => model.id);
    assert.ok(names.includes(PLAIN) && names.includes("everyday"), `${names}`);
    const model = await client.models.retrieve(PLAIN);
    assert.deepEqual([model.id, model.type], [PLAIN, "model"]);
    await raises(Anthropic.NotFoundError, () => client.models.retrieve("everydy"));
  },

  async alias() {
    for (const name of ["everyday", "anthropic/claude-plain"]) assert.equal(textOf(await ask(name)), HELLO);
  },
};

const streams = {
  async messages_stream() {
    const stream = listen();
    const pieces = [];
    stream.on("text", (delta) => pieces.push(delta));
    const final = await stream.finalMessage();
    assert.equal(pieces.join(""), HELLO);
    assert.ok(pieces.length > 1);
    assert.equal(textOf(final), HELLO);
    assert.equal(final.stop_reason, "end_turn");
    assert.deepEqual([final.usage.input_tokens, final.usage.output_tokens], TOKENS);
  },

  async raw_stream() {
    const kinds = (await collect(await ask(PLAIN, { stream: true }))).map((event) => event.type);
    assert.deepEqual([kinds[0], kinds.at(-1)], ["message_start", "message_stop"]);
  },

  async tools() {
    const tools = [TOOL];
    for (const answer of [await ask(PLAIN, { tools }), await listen(PLAIN, { tools }).finalMessage()]) {
      const call = answer.content.find((block) => block.type === "tool_use");
      assert.equal(call.name, "weather");
      assert.deepEqual(call.input, CITY_ARGUMENTS);
      assert.equal(answer.stop_reason, "tool_use");
    }
  },
};

const keys = {
  async either_header() {
    const headers = { authorization: null, "x-api-key": KEY };
    for (const own of [
      { apiKey: null, authToken: KEY },
      { apiKey: null, authToken: null, defaultHeaders: headers },
    ]) {
      const other = new Anthropic({ ...options, ...own });
      assert.equal(textOf(await other.messages.create({ model: PLAIN, ...HELLO_CALL })), HELLO);
    }
  },

  async wrong_key() {
    const stranger = new Anthropic({ ...options, apiKey: "a-key-that-nobody-gave-out" });
    const call = () => stranger.messages.create({ model: PLAIN, ...HELLO_CALL });
    assert.equal((await raises(Anthropic.AuthenticationError, call)).type, "authentication_error");
    await raises(Anthropic.AuthenticationError, () => stranger.models.list());
  },
};

/** Calls a model that fails and returns the error, which must be of this class. */
const failing = (expected, model, more) => raises(expected, () => ask(model, more));

const failures = {
  async unknown_model() {
    const error = await failing(Anthropic.NotFoundError, "everydy");
    assert.match(error.message, /everyday/);
    assert.equal(error.type, "not_found_error");
  },

  async missing_messages() {
    const body = { model: PLAIN, max_tokens: 100 };
    const call = () => client.post("/v1/messages", { body });
    assert.match((await raises(Anthropic.BadRequestError, call)).message, /messages/);
  },

  async limited() {
    const error = await failing(Anthropic.RateLimitError, "claude-limited");
    assert.equal(error.headers.get("retry-after"), "1");
  },

  async broken() {
    assert.equal((await failing(Anthropic.InternalServerError, "claude-broken")).status, 500);
  },

  async away() {
    assert.equal((await failing(Anthropic.ServiceUnavailableError, "claude-away")).status, 503);
  },

  async overloaded() {
    assert.equal((await failing(Anthropic.OverloadedError, "claude-overloaded")).status, 529);
  },

  async locked() {
    const error = await failing(Anthropic.AuthenticationError, "claude-locked");
    const shown = `${error} ${JSON.stringify(error.error)} ${JSON.stringify([...error.headers])}`;
    assert.doesNotMatch(shown, /test-provider-key|the provider's own words/);
  },

  async page() {
    assert.equal((await failing(Anthropic.InternalServerError, "claude-page")).status, 502);
  },

  async gone() {
    const error = await failing(Anthropic.InternalServerError, "gone-anthropic/claude-plain");
    assert.equal(error.status, 502);
    assert.match(error.message, /gone-anthropic/);
  },

  async silent() {
    await failing(Anthropic.GatewayTimeoutError, "claude-silent");
    await failing(Anthropic.GatewayTimeoutError, "claude-silent", { stream: true });
  },

  // The stream of each model starts, and none of them may seem to end well.
  async torn() {
    for (const model of ["claude-cut", "claude-reset", "claude-stopped", "claude-fails"]) {
      const stream = await ask(model, { stream: true });
      await raises(Anthropic.APIError, () => collect(stream));
    }
  },

  async torn_helper() {
    await raises(Anthropic.AnthropicError, () => listen("claude-cut").finalMessage());
  },
};

// Streams that are gone on with.
async function wholeTale(model) {
  const final = await client.messages.stream({ model, ...HELLO_CALL }, RECOVER).finalMessage();
  assert.deepEqual([final.content.length, textOf(final), final.stop_reason], [1, TALE, "end_turn"]);
}

const tales = {
  async tale_raw() {
    const call = { model: "claude-tale-raw", ...HELLO_CALL, stream: true };
    const events = await collect(await client.messages.create(call, RECOVER));
    const [deltas, others] = [true, false].map((delta) =>
      events.filter((event) => (event.type === "content_block_delta") === delta),
    );
    assert.equal(deltas.map((event) => event.delta.text).join(""), TALE);
    const kinds = ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"];
    assert.deepEqual(others.map((event) => event.type), kinds);
  },

  tale_helper: () => wholeTale("claude-tale-helper"),

  tale_late: () => wholeTale("claude-tale-late"),

  async tale_off() {
    let text = "";
    await raises(Anthropic.APIError, async () => {
      for await (const event of await ask("claude-tale-off", { stream: true })) {
        if (event.type === "content_block_delta") text += event.delta.text;
      }
    });
    assert.ok(text && TALE.startsWith(text) && text !== TALE, text);
  },
};

// Streams from an alias whose first target fails, and tells who answered.
async function fallenBack(name) {
  const stream = listen(`claude-spare-${name}`);
  const { response } = await stream.withResponse();
  assert.equal(textOf(await stream.finalMessage()), HELLO, name);
  assert.equal(response.headers.get("x-orchestra-attempts"), "2", name);
  return response.headers.get("x-orchestra-provider");
}

async function quoted(number) {
  const words = `number ${number}`;
  const call = { model: "claude-quote", messages: [{ role: "user", content: words }], max_tokens: 100 };
  const answer = number % 2 ? await client.messages.create(call) : await client.messages.stream(call).finalMessage();
  assert.equal(textOf(answer), `You said: ${words}`);
}

const journeys = {
  async fallback() {
    // Only a stream tells before its end that it will not come, or that it went wrong.
    for (const name of ["broken", "gone"]) {
      const { data, response } = await ask(`claude-spare-${name}`).withResponse();
      assert.equal(textOf(data), HELLO, name);
      assert.equal(response.headers.get("x-orchestra-attempts"), "2", name);
    }
    const spares = {};
    for (const name of ["broken", "gone", "silent", "fails-early"]) spares[name] = await fallenBack(name);
    return spares;
  },

  async leave() {
    let seen = 0;
    for await (const _event of await ask("claude-endless", { stream: true })) {
      seen += 1;
      if (seen < 5) continue;
      tell({ leaving: true });
      break;
    }
    await waitForTheTest();
  },

  // A stream that is under way when the server is told to stop.
  async outlive() {
    const stream = listen("claude-slow");
    stream.once("text", () => tell({ streaming: true }));
    return { text: textOf(await stream.finalMessage()) };
  },

  parallel: () => Promise.all(range(PARALLEL).map(quoted)).then(() => undefined),

  // The double that others wrote.
  async double() {
    const call = { model: PLAIN, messages: [{ role: "user", content: "hello gateway" }], max_tokens: 100 };
    const expected = "Hello from the other double, word by word.";
    assert.equal(textOf(await client.messages.create(call)), expected);
    const final = await client.messages.stream(call).finalMessage();
    assert.equal(textOf(final), expected);
    assert.equal(final.stop_reason, "end_turn");
    assert.deepEqual([final.usage.input_tokens, final.usage.output_tokens], [5, 9]);
  },
};

await run({ ...answers, ...streams, ...keys, ...failures, ...tales, ...journeys });
