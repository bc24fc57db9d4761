// Starts the provider double of another project and tells where it listens, until its
// input is closed. It shares no code with the gateway or its own double.

import { load, tell, waitForTheTest } from "./scenarios.mjs";

const { LLMock } = load("@copilotkit/aimock");

const double = new LLMock({ port: 0, logLevel: "silent", chunkSize: 5 });
double.onMessage("hello gateway", {
  content: "Hello from the other double, word by word.",
  usage: { input_tokens: 5, output_tokens: 9 },
});
await double.start();
tell({ url: double.url });
await waitForTheTest();
await double.stop();
