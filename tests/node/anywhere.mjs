// What the scripts share that talk to upstreams of any dialect: models, tools, expectations.
// See python/anywhere.py for what the upstream does.

import assert from "node:assert/strict";

/** Read, read from the cache, written. */
export const [READ, CACHED, WRITTEN] = [120, 50, 30];
/** What the model thinks, where thoughts are told. */
export const THOUGHT = "The user wants an answer; I shall see what I have.";

/** An upstream of one dialect each, and a model there. */
export const MODELS = {
  chat: "chat-only/gpt-5-mini",
  responses: "responses-only/gpt-5-mini",
  messages: "messages-only/claude-sonnet-5-5",
  budget: "messages-only/claude-haiku-4-5",
  gemini: "gemini-only/gemini-3.1-pro-preview",
  deepseek: "deepseek/deepseek-v4-pro",
};

export const SAY_HELLO = [{ role: "user", content: "Say hello." }];
export const QUESTION = "How is the weather in Zürich, and what time is it?";
export const ASK = [{ role: "user", content: QUESTION }];

const object = (properties) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
/** The tools' parameters. */
export const SCHEMAS = {
  weather: object({ city: { type: "string" }, days: { type: "integer" } }),
  clock: object({ zone: { type: "string", description: "Such as Europe/Zurich" } }),
};

/** What the model calls, in order. */
const CALLS = [
  ["weather", { city: 'Zürich "Altstadt" \\ 🏔', days: 3 }],
  ["clock", { zone: "Europe/Zurich" }],
  ["weather", { city: "Paris", days: 1 }],
  ["weather", { city: "Bern", days: 2 }],
];
export const ANSWER = "The tools say: 1 days of sun in Paris; 2 days of sun in Bern.";

const WORK = {
  weather: ({ city, days }) => `${days} days of sun in ${city}`,
  clock: ({ zone }) => `noon in ${zone}`,
};

/** Runs the tools and remembers what was called. */
export class Tools {
  called = [];

  run(name, input) {
    this.called.push([name, input]);
    return WORK[name](input);
  }

  check() {
    assert.deepEqual(this.called, CALLS);
  }
}
