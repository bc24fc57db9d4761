// Portkey's Node client at the gateway. Usage: portkey_client.mjs BASE_URL SCENARIO...

import assert from "node:assert/strict";
import { HELLO, KEY, ROOT, TOKENS, collect, load, raises, range, run } from "./scenarios.mjs";

const { Portkey, createHeaders } = load("portkey-ai");
const errors = load("portkey-ai/dist/src/error.js");
const { OpenAI } = load("openai");
// Portkey's client calls some endpoints with an OpenAI client of its own.
const { OpenAI: Inner } = load("portkey-ai/node_modules/openai");

const URL = `${ROOT}/v1`;
const PLAIN = "gpt-plain";
const messages = [{ role: "user", content: "Say hello." }];
/** An id that a caller gives its calls. */
const TRACE = "the-trace-of-the-test";

const portkey = (options = {}) => new Portkey({ baseURL: URL, apiKey: KEY, ...options });
const ask = (client, more = {}) => client.chat.completions.create({ model: PLAIN, messages, ...more });
/** The headers of the good answer that a call with this config gets. */
const asked = async (config, more = {}, options = {}) => {
  const answer = await ask(portkey({ config, ...options }), more);
  assert.equal(answer.choices[0].message.content, HELLO);
  return answer.getHeaders();
};
const chatText = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");

const answers = {
  async chat() {
    const answer = await ask(portkey({ provider: "@openai" }));
    assert.equal(answer.choices[0].message.content, HELLO);
    assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], TOKENS);
    const headers = answer.getHeaders();
    assert.equal(headers.provider, "openai");
    assert.equal(headers["last-used-option-index"], "config");
    assert.equal(headers["retry-attempt-count"], "0");
  },

  async chat_stream() {
    const call = { stream: true, stream_options: { include_usage: true } };
    const chunks = await collect(await ask(portkey({ provider: "@openai" }), call));
    assert.equal(chatText(chunks), HELLO);
    assert.equal(chunks.at(-1).usage.completion_tokens, TOKENS[1]);
  },

  async embeddings() {
    const client = portkey({ provider: "@openai" });
    const { data } = await client.embeddings.create({ model: "text-embedding-plain", input: "one" });
    assert.equal(data[0].embedding.length, 256);
    assert.ok(data[0].embedding.every(Number.isFinite));
  },

  async responses() {
    const client = portkey({ provider: "@openai" });
    const call = { model: PLAIN, input: "Say hello." };
    const answer = await client.responses.create(call);
    assert.equal(answer.output_text, HELLO);
    assert.equal(answer.status, "completed");
    const events = await collect(await client.responses.create({ ...call, stream: true }));
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    assert.equal(deltas.map((event) => event.delta).join(""), HELLO);
    assert.equal(events.at(-1).type, "response.completed");
  },

  async messages() {
    const client = portkey({ provider: "@anthropic" });
    const answer = await client.post("/messages", { model: "claude-plain", max_tokens: 99, messages });
    assert.equal(answer.content[0].text, HELLO);
    assert.equal(answer.getHeaders().provider, "anthropic");
  },

  async models() {
    const names = (await portkey().models.list()).data.map((model) => model.id);
    assert.ok(names.includes(PLAIN) && names.includes("everyday"), `${names}`);
  },

  /** OpenAI's own client, with Portkey's headers. */
  async create_headers() {
    const defaultHeaders = createHeaders({ apiKey: KEY, provider: "@spare-openai", traceID: TRACE });
    const client = new OpenAI({ baseURL: URL, apiKey: "DUMMY-KEY", defaultHeaders });
    const { data, response } = await client.chat.completions.create({ model: PLAIN, messages }).withResponse();
    assert.equal(data.choices[0].message.content, HELLO);
    assert.equal(response.headers.get("x-portkey-provider"), "spare-openai");
    assert.equal(response.headers.get("x-portkey-trace-id"), TRACE);
  },
};

const keys = {
  /** A gateway that asks nobody for a key, and a provider's key or none. */
  async keyless() {
    for (const more of [{}, { Authorization: "the-callers-own-key" }]) {
      const client = portkey({ apiKey: undefined, provider: "openai", ...more });
      assert.equal((await ask(client)).choices[0].message.content, HELLO);
      assert.equal((await client.responses.create({ model: PLAIN, input: "Say hello." })).output_text, HELLO);
    }
  },

  async slugs() {
    for (const [options, model] of [
      [{ provider: "@spare-openai" }, PLAIN],
      [{ virtualKey: "spare-openai" }, PLAIN],
      [{}, "@spare-openai/gpt-plain"],
      [{ provider: "@spare-openai" }, "@spare-openai/gpt-plain"],
      [{ config: { provider: "@spare-openai" } }, PLAIN],
      [{ config: { virtual_key: "spare-openai" } }, PLAIN],
      [{ config: { override_params: { model: "@spare-openai/gpt-plain" } } }, "other"],
    ]) {
      const headers = (await ask(portkey(options), { model })).getHeaders();
      assert.equal(headers.provider, "spare-openai", JSON.stringify([options, model]));
    }
  },

  async own_key() {
    for (const Authorization of ["the-callers-own-key", "Bearer the-callers-own-key"]) {
      const answer = await ask(portkey({ provider: "openai", Authorization }));
      assert.equal(answer.choices[0].message.content, HELLO);
    }
  },

  async wrong_key() {
    const stranger = portkey({ provider: "@openai", apiKey: "a-key-that-nobody-gave-out" });
    const error = await raises(errors.AuthenticationError, () => ask(stranger));
    assert.equal(error.error.error.code, "invalid_api_key");
    await raises(Inner.AuthenticationError, () => stranger.responses.create({ model: PLAIN, input: "Hi" }));
  },
};

const BROKEN = { provider: "@broken-openai", override_params: { model: "gpt-broken" } };
const SPARE = { provider: "@spare-openai" };

const configs = {
  async nested() {
    const targets = [{ ...SPARE, weight: 1 }, { ...BROKEN, weight: 0 }];
    const balanced = { strategy: { mode: "loadbalance" }, targets };
    const headers = await asked({ strategy: { mode: "fallback" }, targets: [BROKEN, balanced] });
    assert.equal(headers.provider, "spare-openai");
    assert.equal(headers["last-used-option-index"], "config.targets[1].targets[0]");
  },

  async conditional() {
    const conditions = [
      { query: { "metadata.plan": { $in: ["paid", "trial"] } }, then: "good" },
      { query: { "params.max_tokens": { $lte: 5 } }, then: "good" },
    ];
    const config = {
      strategy: { mode: "conditional", conditions, default: "usual" },
      targets: [{ name: "usual", provider: "@openai" }, { name: "good", ...SPARE }],
    };
    for (const [plan, max_tokens, provider] of [
      ["paid", 50, "spare-openai"],
      ["free", 50, "openai"],
      ["free", 5, "spare-openai"],
    ]) {
      const metadata = { plan, _user: "nobody" };
      assert.equal((await asked(config, { max_tokens }, { metadata })).provider, provider, plan);
    }
  },

  async retry() {
    const config = { ...SPARE, retry: { attempts: 2, on_status_codes: [503] } };
    assert.equal((await asked(config, { model: "gpt-flaky" }))["retry-attempt-count"], "1");
  },

  async request_timeout() {
    const silent = { provider: "@silent-openai", override_params: { model: "gpt-silent" } };
    const targets = [{ ...silent, request_timeout: 300 }, SPARE];
    const strategy = { mode: "fallback", on_status_codes: [500] };
    assert.equal((await asked({ strategy, targets })).provider, "spare-openai");
    const client = portkey({ config: silent, requestTimeout: 300 });
    const error = await raises(errors.APIError, () => ask(client));
    assert.deepEqual([error.status, error.error.error.code], [408, "timeout_first_byte"]);
  },

  /** The second of two equal calls gets the first one's answer, and another namespace has its own. */
  async cache() {
    for (const cache of ["simple", { mode: "semantic", max_age: 60 }]) {
      const [config, told] = [{ ...SPARE, cache }, []];
      const [own, other] = ["n", "m"].map((name) => ({ cacheNamespace: `${name}${JSON.stringify(cache)}` }));
      for (const options of [own, own, other, { ...own, cacheForceRefresh: true }, own]) {
        const answer = await ask(portkey({ config, ...options }));
        assert.equal(answer.choices[0].message.content, HELLO);
        assert.equal(answer.getHeaders().provider, "spare-openai");
        told.push([answer.getHeaders()["cache-status"], answer.id]);
      }
      assert.deepEqual(told.map(([status]) => status), ["MISS", "HIT", "MISS", "REFRESH", "HIT"]);
      assert.deepEqual([told[0][1], told[3][1]], [told[1][1], told[4][1]]);
      const streams = [];
      for (const _ of range(2)) streams.push(await collect(await ask(portkey({ config, ...own }), { stream: true })));
      assert.equal(chatText(streams[0]), HELLO);
      assert.deepEqual(streams[1], streams[0]);
    }
    const options = { cacheForceRefresh: true, cacheNamespace: "n" };
    assert.equal((await asked(SPARE, {}, options))["cache-status"], "DISABLED");
  },

  async overrides() {
    await asked({ ...SPARE, override_params: { temperature: 0.25, model: PLAIN } }, { model: "another" });
  },

  async forwarded() {
    const headers = { "x-custom": "wanted", "x-other": "unwanted" };
    await ask(portkey({ ...SPARE, forwardHeaders: ["x-custom"], ...headers }));
  },

  async saved() {
    const headers = await asked("pc-everyday");
    assert.equal(headers.provider, "spare-openai");
    assert.equal(headers["last-used-option-index"], "config.targets[1]");
  },

  /** Without a model the client sends none. */
  async default_model() {
    const model = undefined;
    await asked({ ...SPARE, override_params: { model: PLAIN } }, { model });
    const error = await raises(errors.BadRequestError, () => ask(portkey({ provider: "@openai" }), { model }));
    assert.match(error.error.error.message, /model/);
  },
};

const rest = {
  /** A config is saved, used, changed, and gone. */
  async saved_configs() {
    const admin = portkey();
    const made = await admin.configs.create({ name: "From a test", config: SPARE });
    assert.match(made.slug, /^pc-froma/);
    assert.equal((await asked(made.slug)).provider, "spare-openai");
    const kept = await admin.configs.retrieve({ slug: made.slug });
    assert.deepEqual([kept.config, kept.name, kept.version_id], [SPARE, "From a test", made.version_id]);
    const changed = await admin.configs.update({ slug: made.slug, config: { provider: "@openai" } });
    assert.ok(changed.version_id && changed.version_id !== made.version_id);
    assert.equal((await asked(made.slug)).provider, "openai");
    const slugs = (await admin.configs.list()).data.map((config) => config.slug);
    assert.ok(slugs.includes(made.slug) && slugs.includes("pc-everyday"), `${slugs}`);
    assert.ok((await admin.configs.delete({ slug: made.slug })).success);
    await raises(errors.BadRequestError, () => asked(made.slug));
    for (const [config, words] of [
      [{ strategy: { mode: "never" }, targets: [SPARE] }, "config.strategy.mode"],
      [{ ...SPARE, api_key: "k" }, "secret store"],
    ]) {
      const error = await raises(errors.BadRequestError, () => admin.configs.create({ name: "x", config }));
      assert.ok(error.message.includes(words), error.message);
    }
  },

  async feedback() {
    const client = portkey({ provider: "@openai" });
    const traceID = (await ask(client)).getHeaders()["trace-id"];
    const told = await client.feedback.create({ traceID, value: 0, weight: 0.5, metadata: { _user: "u" } });
    assert.equal(told.status, "success");
    await client.feedback.update({ feedbackID: told.feedback_ids[0], value: 7 });
    const both = [1, 2].map((value) => ({ traceID, value }));
    assert.equal((await client.feedback.create(both)).feedback_ids.length, 2);
    const kept = (await client.get(`/feedback?trace_id=${traceID}`)).data;
    assert.deepEqual(kept.map(({ value, weight }) => [value, weight]), [[2, 1], [1, 1], [7, 0.5]]);
    const error = await raises(errors.BadRequestError, () => client.feedback.create({ traceID, value: 11 }));
    assert.match(error.message, /-10 to 10/);
  },

  async logs() {
    const client = portkey();
    const headers = { authorization: "Bearer secret" };
    const entry = {
      request: { url: "https://x.example", headers },
      response: { status: 200, body: { answer: 42 } },
      metadata: { traceId: "a-trace" },
    };
    const told = await client.logs.create(entry);
    assert.equal(told.status, "success");
    const kept = (await client.get(`/logs/${told.ids[0]}`)).data;
    assert.deepEqual([kept.response, kept.trace_id], [entry.response, "a-trace"]);
    assert.deepEqual(kept.request.headers, { authorization: "********" });
    const error = await raises(errors.BadRequestError, () => client.logs.create({ request: { url: "x" } }));
    assert.match(error.message, /response/);
  },

  async providers() {
    const admin = portkey();
    const slugs = (await admin.providers.list()).data.map((provider) => provider.slug);
    assert.ok(slugs.includes("spare-openai"), `${slugs}`);
    const keys = (await admin.virtualKeys.list()).data;
    assert.equal(keys.find(({ slug }) => slug === "spare-openai").key, "********");
    assert.equal((await admin.providers.retrieve({ slug: "openai" })).slug, "openai");
    const change = () => admin.virtualKeys.update({ slug: "openai", key: "k" });
    assert.match((await raises(errors.ConflictError, change)).message, /not in the secret store/);
    const make = () => admin.virtualKeys.create({ name: "x", provider: "openai", key: "k" });
    assert.match((await raises(errors.InternalServerError, make)).message, /orchestra secrets init/);
  },

  async made_providers() {
    const admin = portkey();
    const host = (await admin.configs.retrieve({ slug: "pc-where" })).config.custom_host;
    const fresh = { name: "Night", provider: "openai", key: "the-first-key", note: "n", custom_host: host };
    const { slug } = await admin.virtualKeys.create(fresh);
    assert.match(slug, /^night-/);
    const works = async () => {
      const ways = [{ virtualKey: slug }, { provider: `@${slug}` }, { config: { virtual_key: slug } }];
      const answers = await Promise.all(ways.map((way) => ask(portkey(way))));
      answers.push(await ask(portkey(), { model: `@${slug}/${PLAIN}` }));
      for (const answer of answers) assert.equal(answer.choices[0].message.content, HELLO);
    };
    await works();
    const kept = await admin.virtualKeys.retrieve({ slug });
    assert.deepEqual([kept.name, kept.note, kept.key, kept.status], ["Night", "n", "********", "active"]);
    assert.ok(!JSON.stringify(kept).includes("the-first-key"));
    await admin.virtualKeys.update({ slug, key: "the-second-key", note: "m" });
    await works();
    const keys = (await admin.virtualKeys.list()).data;
    assert.equal(keys.find((key) => key.slug === slug).note, "m");
    await admin.virtualKeys.delete({ slug });
    const gone = await raises(errors.NotFoundError, () => ask(portkey({ provider: `@${slug}` })));
    assert.ok(gone.message.includes(slug), gone.message);

    const day = { name: "Day", slug: "day", integration_id: "openai", key: "the-first-key", custom_host: host };
    assert.equal((await admin.providers.create(day)).slug, "day");
    assert.equal((await ask(portkey({ provider: "@day" }))).choices[0].message.content, HELLO);
    await admin.providers.update({ slug: "day", note: "sunny" });
    const shown = await admin.providers.retrieve({ slug: "day" });
    assert.deepEqual([shown.name, shown.note], ["Day", "sunny"]);
    const slugs = (await admin.providers.list()).data.map((provider) => provider.slug);
    assert.ok(slugs.includes("day"), `${slugs}`);
    for (const [taken, words] of [["day", /already/], ["openai", /configuration/]]) {
      const make = () => admin.providers.create({ ...day, slug: taken });
      assert.match((await raises(errors.ConflictError, make)).message, words);
    }
    const wrong = () => admin.providers.create({ ...day, slug: "other", integration_id: "nobody" });
    assert.match((await raises(errors.BadRequestError, wrong)).message, /use one of/);
    await admin.providers.delete({ slug: "day" });
    await raises(errors.NotFoundError, () => ask(portkey(), { model: "@day/x" }));
  },

  async not_an_admin() {
    const client = portkey();
    for (const act of [
      () => client.configs.list(),
      () => client.configs.create({ name: "x", config: SPARE }),
      () => client.providers.list(),
    ]) {
      assert.match((await raises(errors.PermissionDeniedError, act)).message, /admin_keys/);
    }
  },
};

const traces = {
  async traces() {
    const given = (await ask(portkey({ provider: "@openai", traceID: TRACE }))).getHeaders();
    assert.equal(given["trace-id"], TRACE);
    const made = [];
    for (const _ of range(2)) made.push((await ask(portkey({ provider: "@openai" }))).getHeaders()["trace-id"]);
    assert.ok(made.every(Boolean) && made[0] !== made[1], `${made}`);
    const refused = portkey({ config: { a: 1 }, traceID: TRACE });
    const error = await raises(errors.BadRequestError, () => ask(refused));
    assert.equal(error.headers["x-portkey-trace-id"], TRACE);
  },
};

/** What comes of a stream before its error. */
async function tornFrom(stream, expected) {
  const events = [];
  await raises(expected, async () => {
    for await (const event of stream) events.push(event);
    return events.at(-1);
  });
  return events;
}

const failures = {
  async bad_configs() {
    const inner = { strategy: { mode: "never" }, targets: [SPARE] };
    for (const [config, words] of [
      [{ strategy: { mode: "fallback" }, targets: [SPARE, inner] }, "targets[1].strategy.mode"],
      [{ retry: { attempts: -1 } }, "retry.attempts"],
      [{ provider: "@nobody" }, "nobody"],
      ["pc-unknown", "pc-everyday"],
      [{ custom_host: "http://127.0.0.1:9" }, "custom_host"],
    ]) {
      const error = await raises(errors.BadRequestError, () => ask(portkey({ config })));
      assert.ok(error.error.error.message.includes(words), error.message);
    }
  },

  async limited() {
    const client = portkey({ provider: "@openai" });
    const error = await raises(errors.RateLimitError, () => ask(client, { model: "gpt-limited" }));
    assert.equal(error.headers["retry-after"], "1");
  },

  async broken() {
    const client = portkey({ provider: "@openai" });
    const call = { model: "gpt-broken", messages };
    await raises(errors.InternalServerError, () => ask(client, call));
    await raises(errors.InternalServerError, () => ask(client, { ...call, stream: true }));
    await raises(errors.InternalServerError, () => client.post("/chat/completions", call));
    await raises(Inner.InternalServerError, () => client.responses.create({ model: "gpt-broken", input: "Hi" }));
    await raises(errors.InternalServerError, () => client.embeddings.create({ model: "gpt-broken", input: "one" }));
  },

  async torn() {
    const client = portkey({ provider: "@openai" });
    for (const how of ["cut", "reset", "stopped", "fails"]) {
      const call = { model: `gpt-${how}`, stream: true };
      const chunks = await tornFrom(await ask(client, call), errors.APIError);
      assert.ok(chunks.length > 1 && chunks.every((chunk) => chunk.choices), how);
      const responding = await client.responses.create({ ...call, input: "Say hello." });
      const events = await tornFrom(responding, Inner.APIError);
      assert.equal(events[0].type, "response.created", how);
    }
  },
};

await run({ ...answers, ...keys, ...configs, ...rest, ...traces, ...failures });
