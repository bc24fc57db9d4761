// The AI SDK on upstreams of any dialect. Usage: ai_sdk_anywhere.mjs BASE_URL SCENARIO:UPSTREAM...
//
// It checks each answer and each event against schemas of its own.

import assert from "node:assert/strict";

import { ANSWER, CACHED, MODELS, QUESTION, READ, THOUGHT, Tools, WRITTEN } from "./anywhere.mjs";
import { HELLO, KEY, ROOT, collect, load, run } from "./scenarios.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const { Output, generateText, isStepCount, streamText, tool } = load("ai");
const { createAnthropic } = load("@ai-sdk/anthropic");
const { createOpenAI } = load("@ai-sdk/openai");
const { z } = load("zod");

const openai = createOpenAI({ baseURL: `${ROOT}/v1`, apiKey: KEY });
const anthropic = createAnthropic({ baseURL: `${ROOT}/v1`, apiKey: KEY });
const quick = { maxRetries: 0 };
const Place = z.object({ city: z.string(), days: z.number().int() });

async function check(model, providerOptions) {
  const call = { model, prompt: "Say hello.", providerOptions, ...quick };
  const answer = await generateText(call);
  assert.deepEqual([answer.text, answer.finishReason], [HELLO, "stop"]);
  checkUsage(answer.usage);
  await agent(model, providerOptions);
  const placed = await generateText({ ...call, output: Output.object({ schema: Place }) });
  assert.deepEqual(placed.output, { city: "Paris", days: 1 });
}

function checkUsage({ inputTokens, outputTokens, inputTokenDetails }) {
  assert.deepEqual([inputTokens, outputTokens, inputTokenDetails.cacheReadTokens], [READ, WRITTEN, CACHED]);
}

/** Streams until no tool is called any more; returns the thoughts of all steps. */
async function agent(model, providerOptions) {
  const ran = new Tools();
  const tools = {
    weather: tool({ inputSchema: Place, execute: (input) => ran.run("weather", input) }),
    clock: tool({ inputSchema: z.object({ zone: z.string() }), execute: (input) => ran.run("clock", input) }),
  };
  const errors = [];
  const result = streamText({
    model,
    prompt: QUESTION,
    tools,
    stopWhen: isStepCount(5),
    providerOptions,
    onError: ({ error }) => void errors.push(error),
    ...quick,
  });
  const parts = await collect(result.fullStream ?? result.stream);
  if (errors.length) throw errors[0];
  const steps = await result.steps;
  assert.equal(steps.length, 3);
  assert.equal(steps[2].text, ANSWER);
  assert.equal(steps[2].finishReason, "stop");
  steps.forEach((step) => checkUsage(step.usage));
  ran.check();
  return parts.filter((part) => part.type === "reasoning-delta").map((part) => part.text).join("");
}

const plain = {
  chat: (upstream) => check(openai.chat(MODELS[upstream])),
  responses: (upstream) => check(openai.responses(MODELS[upstream]), { openai: { store: false } }),
  // Here it refers to items by their ids.
  responses_stored: (upstream) => check(openai.responses(MODELS[upstream])),
  messages: (upstream) => check(anthropic(MODELS[upstream])),
};

const thinking = {
  async chat_thinks(upstream) {
    // It has no place for thoughts in a chat, and does not hand them back.
    await agent(openai.chat(MODELS[upstream]), { openai: { reasoningEffort: "high", forceReasoning: true } });
  },

  async responses_thinks(upstream) {
    const options = { reasoningEffort: "high", reasoningSummary: "auto", store: false, forceReasoning: true };
    const thoughts = await agent(openai.responses(MODELS[upstream]), {
      openai: { ...options, include: ["reasoning.encrypted_content"] },
    });
    assert.equal(thoughts, THOUGHT.repeat(3));
  },

  async responses_stored_thinks(upstream) {
    const options = { reasoningEffort: "high", reasoningSummary: "auto", forceReasoning: true };
    const thoughts = await agent(openai.responses(MODELS[upstream]), { openai: options });
    assert.equal(thoughts, THOUGHT.repeat(3));
  },

  async messages_thinks(upstream) {
    const options = { thinking: { type: "enabled", budgetTokens: 2048 } };
    const thoughts = await agent(anthropic(MODELS[upstream]), { anthropic: options });
    assert.equal(thoughts, THOUGHT.repeat(3));
  },
};

await run({ ...plain, ...thinking });
