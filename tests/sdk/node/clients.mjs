// The clients in Node. One process for all tests: each line of its input is a call, each line of its output what it gave.

import https from "node:https";
import readline from "node:readline";
import Anthropic from "@anthropic-ai/sdk";
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import { credentials } from "@grpc/grpc-js";
import { OTLPLogExporter as GrpcLogs } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as JsonLogs } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtoLogs } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { Agent, FormData, fetch } from "undici";
import { secure, calls as sinks } from "./sinks.mjs";

let going;

// What the clients fetch with, all of them the same way; one agent for a call.
globalThis.FormData = FormData;
globalThis.fetch = (target, options) => fetch(target, { ...options, dispatcher: going });

// Fragments of texts by their key, joined.
function adder() {
  const texts = {};
  const add = (key, fragment) => {
    if (fragment) texts[key] = (texts[key] ?? "") + fragment;
  };
  return [texts, add];
}

const tool = (at) => ({
  type: "function",
  function: { name: "send", description: at.text, parameters: { type: "object", properties: {} } },
});

const conversation = (at) => [
  { role: "system", content: at.text },
  { role: "user", content: [{ type: "text", text: at.text }] },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "call_0", type: "function", function: { name: "send", arguments: at.arguments } }],
  },
  { role: "tool", tool_call_id: "call_0", content: at.text },
];

// OpenAI

const openai = (at) => new OpenAI({ baseURL: `${at.base}/openai/v1`, apiKey: "k", maxRetries: 0, fetch: globalThis.fetch });
const chat = (at) => ({ model: "gpt-5", messages: conversation(at), tools: [tool(at)], metadata: { note: at.text }, n: 2 });
const response = (at) => ({
  model: "gpt-5",
  instructions: at.text,
  metadata: { note: at.text },
  input: [
    { role: "user", content: [{ type: "input_text", text: at.text }] },
    { type: "function_call", call_id: "call_0", name: "send", arguments: at.arguments },
    { type: "function_call_output", call_id: "call_0", output: at.text },
  ],
});

// AWS

const bedrock = (at) =>
  new BedrockRuntimeClient({
    endpoint: at.base + (at.aws ?? "/bedrock"),
    region: "eu-west-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "CLIENTKEY", secretAccessKey: "client-secret" },
    requestHandler: new NodeHttpHandler({ httpsAgent: new https.Agent(at.tls) }),
  });
const conversed = (at) => ({ modelId: "m", system: [{ text: at.text }], messages: [{ role: "user", content: [{ text: at.text }] }] });

// OpenTelemetry

// An exporter whose errors are kept.
function watch(exporter) {
  const errors = [];
  const send = exporter.export.bind(exporter);
  exporter.export = (records, done) => send(records, (result) => (result.error && errors.push(result.error), done(result)));
  return [exporter, errors];
}

async function log(at, exporter) {
  const [watched, errors] = watch(exporter);
  const processor = new SimpleLogRecordProcessor({ exporter: watched });
  const provider = new LoggerProvider({ resource: resourceFromAttributes({ contact: at.text }), processors: [processor] });
  provider.getLogger("shop").emit({ body: at.text, severityText: "WARN", attributes: { note: at.text, count: 3, card: 4111111111111111 } });
  await provider.forceFlush();
  await provider.shutdown();
  return errors.map((error) => `${error.code}: ${error.message}`);
}

async function measure(at) {
  const [exporter, errors] = watch(new OTLPMetricExporter({ ...logs(at), url: `${at.base}/otel/v1/metrics` }));
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ resource: resourceFromAttributes({ contact: at.text }), readers: [reader] });
  const meter = provider.getMeter("shop");
  meter.createCounter("sales", { description: at.text }).add(4, { who: at.text, card: 4111111111111111 });
  meter.createHistogram("latency").record(7.5, { who: at.text });
  // Which exports what was measured.
  await provider.shutdown().catch(() => {});
  return errors.map((error) => `${error.code}: ${error.message}`);
}

const logs = (at) => ({ url: `${at.base}/otel/v1/logs`, httpAgentOptions: at.tls, compression: "gzip" });

const calls = {
  ...sinks,

  "bedrock converse": async (at) => (await bedrock(at).send(new ConverseCommand(conversed(at)))).output,

  "bedrock converse stream": async (at) => {
    const [texts, add] = adder();
    const { stream } = await bedrock(at).send(new ConverseStreamCommand(conversed(at)));
    for await (const { contentBlockDelta } of stream) {
      const { contentBlockIndex, delta } = contentBlockDelta ?? {};
      add(`${contentBlockIndex} text`, delta?.text);
      add(`${contentBlockIndex} input`, delta?.toolUse?.input);
      add(`${contentBlockIndex} reasoning`, delta?.reasoningContent?.text);
    }
    return texts;
  },

  "otlp metrics": measure,
  "otlp json": (at) => log(at, new JsonLogs(logs(at))),
  "otlp protobuf": (at) => log(at, new ProtoLogs(logs(at))),
  "otlp grpc": (at) => {
    const [ca, key, cert] = [at.tls.ca, at.tls.key, at.tls.cert].map((pem) => Buffer.from(pem));
    return log(at, new GrpcLogs({ url: at.base, credentials: credentials.createSsl(ca, key, cert), compression: "gzip" }));
  },

  "openai chat": (at) => openai(at).chat.completions.create(chat(at)),

  "openai chat logprobs": (at) => openai(at).chat.completions.create({ ...chat(at), logprobs: true, top_logprobs: 1 }),

  "openai chat stream": async (at) => {
    const [texts, add] = adder();
    for await (const chunk of await openai(at).chat.completions.create({ ...chat(at), stream: true })) {
      for (const { index, delta } of chunk.choices) {
        add(`${index} content`, delta.content);
        add(`${index} refusal`, delta.refusal);
        add(`${index} reasoning`, delta.reasoning_content);
        for (const call of delta.tool_calls ?? []) add(`${index} ${call.index}`, call.function.arguments);
      }
    }
    return texts;
  },

  "openai chat stream helper": (at) => openai(at).chat.completions.stream({ ...chat(at), n: 1 }).finalChatCompletion(),

  "openai responses": (at) => openai(at).responses.create(response(at)),

  "openai responses stream": async (at) => {
    const [texts, add] = adder();
    const whole = [];
    for await (const event of await openai(at).responses.create({ ...response(at), stream: true })) {
      // Where held text needs an event of its own, those behind it are counted on.
      if (!event.type.endsWith(".delta")) whole.push({ ...event, sequence_number: 0 });
      else add(`${event.output_index} ${event.type}`, event.delta.stdout ?? event.delta);
    }
    return [texts, whole];
  },

  "openai responses stream helper": (at) => openai(at).responses.stream(response(at)).finalResponse(),

  "openai embeddings": (at) => openai(at).embeddings.create({ model: "e", input: [at.text, "b"] }),

  "openai batch file": async (at) => {
    const line = { custom_id: "row-1", method: "POST", url: "/v1/chat/completions", body: chat(at) };
    const file = await OpenAI.toFile(Buffer.from(`${JSON.stringify(line)}\n`), "asked.jsonl");
    const content = await openai(at).files.content("file-2");
    return [await openai(at).files.create({ purpose: "batch", file }), await content.text()];
  },

  "openai realtime": async (at) => {
    const [texts, add] = adder();
    const last = {};
    const client = new OpenAI({ baseURL: `${at.base}/live/v1`, apiKey: "test" });
    const live = new OpenAIRealtimeWS({ model: "gpt-realtime", options: at.tls }, client);
    await new Promise((resolve, reject) => {
      live.on("error", reject);
      live.socket.on("close", (code, reason) => reject(new Error(`${code} ${reason}`)));
      live.socket.on("open", () => {
        live.send({ type: "session.update", session: { type: "realtime", instructions: at.text } });
        const content = [{ type: "input_text", text: at.text }];
        live.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
        live.send({ type: "response.create", response: { instructions: at.text } });
      });
      live.on("event", (event) => {
        if (event.type.endsWith(".delta") && event.type !== "response.output_audio.delta") add(event.type, event.delta);
        const whole = event.text ?? event.transcript ?? event.arguments;
        if (event.type.endsWith(".done") && whole !== undefined) last[event.type] = whole;
        if (event.type === "response.done") resolve();
      });
    });
    live.close();
    return [texts, last];
  },

  // Anthropic

  "anthropic messages": (at) => anthropic(at).messages.create(message(at)),

  "anthropic messages stream": async (at) => {
    const [texts, add] = adder();
    const whole = [];
    for await (const event of await anthropic(at).messages.create({ ...message(at), stream: true })) {
      const { type, text, partial_json, thinking, signature } = event.delta ?? {};
      if (event.type === "content_block_delta") add(`${event.index} ${type}`, text ?? partial_json ?? thinking ?? signature);
      else whole.push(event);
    }
    return [texts, whole];
  },

  "anthropic messages stream helper": (at) => anthropic(at).messages.stream(message(at)).finalMessage(),

  // Google

  "gemini generate": async (at) => parts([await gemini(at).models.generateContent(contents(at))]),

  "gemini generate stream": async (at) => {
    const chunks = [];
    for await (const chunk of await gemini(at).models.generateContentStream(contents(at))) chunks.push(chunk);
    return parts(chunks);
  },

  "gemini embed and count": async (at) => {
    const { embeddings } = await gemini(at).models.embedContent({ model: "gemini-embedding-001", contents: [at.text, "b"] });
    const { totalTokens } = await gemini(at).models.countTokens({ model: "gemini-3-pro", contents: at.text });
    return [embeddings, totalTokens];
  },

  "gemini live": async (at) => {
    const got = { text: "", transcript: "", calls: [] };
    let session;
    await new Promise(async (resolve, reject) => {
      const onmessage = ({ serverContent, toolCall }) => {
        for (const part of serverContent?.modelTurn?.parts ?? []) got.text += part.text ?? "";
        got.transcript += serverContent?.outputTranscription?.text ?? "";
        for (const call of toolCall?.functionCalls ?? []) got.calls.push(call.args);
        if (serverContent?.turnComplete) resolve();
      };
      const onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
      const live = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: `${at.base}/live` } }).live;
      const config = { responseModalities: ["TEXT"], systemInstruction: at.text };
      session = await live.connect({ model: "gemini-live", config, callbacks: { onmessage, onclose, onerror: reject } });
      session.sendClientContent({ turns: [{ role: "user", parts: [{ text: at.text }] }], turnComplete: true });
    });
    session.close();
    return got;
  },

  // Ollama

  "ollama chat": (at) => ollama(at).chat(asked(at)),

  "ollama chat stream": async (at) => {
    const [texts, add] = adder();
    const rest = [];
    for await (const record of await ollama(at).chat({ ...asked(at), stream: true })) {
      add("content", record.message.content);
      add("thinking", record.message.thinking);
      rest.push(...(record.message.tool_calls ?? []));
    }
    return [texts, rest];
  },

  "ollama generate stream": async (at) => {
    const [texts, add] = adder();
    const request = { model: "qwen3", prompt: at.text, system: at.text, stream: true };
    for await (const record of await ollama(at).generate(request)) add("response", record.response);
    return texts;
  },
};

const anthropic = (at) => new Anthropic({ baseURL: `${at.base}/anthropic`, apiKey: "k", maxRetries: 0, fetch: globalThis.fetch });
const message = (at) => ({
  model: "claude-sonnet-5",
  max_tokens: 100,
  system: at.text,
  messages: [
    { role: "user", content: at.text },
    { role: "assistant", content: [{ type: "tool_use", id: "toolu_0", name: "send", input: JSON.parse(at.arguments) }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_0", content: at.text }] },
  ],
});

const gemini = (at) => new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: `${at.base}/gemini`, apiVersion: "v1beta" } });
const contents = (at) => ({
  model: "gemini-3-pro",
  contents: [
    { role: "user", parts: [{ text: at.text }] },
    { role: "model", parts: [{ functionCall: { name: "send", args: JSON.parse(at.arguments) } }] },
    { role: "user", parts: [{ functionResponse: { name: "send", response: { result: at.text } } }] },
  ],
  config: { systemInstruction: at.text },
});

// What the messages of an answer add up to.
function parts(chunks) {
  const [texts, add] = adder();
  const rest = [];
  for (const chunk of chunks) {
    for (const part of chunk.candidates[0].content.parts) {
      if (part.text === undefined) rest.push(part);
      else add(`thought ${part.thought ?? false}`, part.text);
    }
    if (chunk.candidates[0].finishReason) rest.push(chunk.candidates[0].finishReason, chunk.usageMetadata, chunk.responseId);
  }
  return [texts, rest];
}

const ollama = (at) => new Ollama({ host: `${at.base}/ollama`, fetch: globalThis.fetch });
const asked = (at) => ({
  model: "qwen3",
  messages: [
    { role: "system", content: at.text },
    { role: "assistant", content: "", tool_calls: [{ function: { name: "send", arguments: JSON.parse(at.arguments) } }] },
    { role: "tool", tool_name: "send", content: at.text },
    { role: "user", content: at.text },
  ],
  tools: [tool(at)],
});

// The names of an error's class and of those it extends.
function classes(error) {
  const names = [];
  for (let kind = error?.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) names.push(kind.name);
  return names;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { call, at } = JSON.parse(line);
  going = new Agent({ allowH2: at.http2, connect: at.tls });
  secure(at.tls);
  let told;
  try {
    told = { got: (await calls[call](at)) ?? null };
  } catch (error) {
    told = { classes: classes(error), message: `${error.message} ${error.cause ?? ""} ${JSON.stringify(error.error ?? "")}` };
  }
  await going.destroy();
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
