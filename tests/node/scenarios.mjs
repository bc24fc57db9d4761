// What every client script shares: running scenarios by name and telling how they went.
//
// A scenario is a function that asserts for itself and may return facts for the test that
// started the script. For each one a line of JSON goes to standard output.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

export const KEY = process.env.ORCHESTRA_CLIENT_KEY;
/** What the scripted provider says when nothing else is asked of it. */
export const HELLO = "Hello from the scripted provider.";
/** What it says until it dies, and another goes on. */
export const TALE = "The rain in Bergen falls on the quay, and then it falls on the quay again. The rain in Bergen.";
/** How a client asks for that. */
export const RECOVER = { headers: { "x-orchestra-recover": "true" } };
/** The token counts that the test has the provider report: read, written. */
export const TOKENS = [11, 7];
/** The tool that the provider calls, and the arguments that it makes up for it. */
export const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const CITY_ARGUMENTS = { city: "Paris" };
/** How many calls go out at once. */
export const PARALLEL = 100;
/** The gateway's address, without a path. */
export const ROOT = process.argv[2];

// The packages are installed elsewhere than these scripts, where `import` would not find them.
export const load = createRequire(join(process.env.ORCHESTRA_TEST_NODE_PATH, "scenarios.js"));

/** Runs `act`, which must fail with an `expected`, and returns the error. */
export async function raises(expected, act) {
  let outcome;
  try {
    outcome = await act();
  } catch (error) {
    if (error instanceof expected) return error;
    throw error;
  }
  return assert.fail(`expected ${expected.name}, but it returned ${JSON.stringify(outcome)}`);
}

/** Everything that an asynchronous iterable yields. */
export async function collect(iterable) {
  const all = [];
  for await (const item of iterable) all.push(item);
  return all;
}

/** The numbers below `end`. */
export const range = (end) => [...Array(end).keys()];

/** Tells the test something, now. */
export function tell(facts) {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}

/** Waits until the test closes our input: this process must not end before it has looked. */
export async function waitForTheTest() {
  await collect(process.stdin);
}

/**
 * Runs the scenarios named on the command line; the exit code tells whether all held. What
 * follows a colon in a name is handed to the scenario: `loop:gemini`.
 */
export async function run(scenarios) {
  for (const scenario of process.argv.slice(3)) {
    const [name, ...more] = scenario.split(":");
    try {
      tell({ scenario, ok: true, facts: (await scenarios[name](...more)) ?? {} });
    } catch (error) {
      process.exitCode = 1;
      tell({ scenario, ok: false, error: error.stack ?? String(error) });
    }
  }
}
