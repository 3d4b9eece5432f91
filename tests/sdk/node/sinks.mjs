// The clients of log and trace sinks, in Node.

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { setLangfuseTracerProvider, startObservation } from "@langfuse/tracing";
import newrelic from "@newrelic/telemetry-sdk";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import DatadogWinston from "datadog-winston";
import KafkaRest from "kafka-rest";
import { Langfuse } from "langfuse";
import { Client as LangSmith } from "langsmith";
import pino from "pino";
import pinoLoki from "pino-loki";
import Splunk from "splunk-logging";
import SumoLogger from "sumo-logger";
import winston from "winston";
import LokiTransport from "winston-loki";

const ID = "01a2b3c4-d5e6-7f89-8abc-def012345678";
const AT = new Date("2026-11-29T07:00:00.123Z");

let tls;

// Whose certificate the clients have that take neither one nor an agent.
export const secure = (of) => (tls = of);

// New Relic's speaks nothing but TLS, also where
// the test goes straight to the upstream, and names no agent of the other kind.
const request = https.request;
https.request = (options, ...rest) => {
  if (options instanceof URL || typeof options === "string") return request(options, ...rest);
  return request({ ...options, ...tls }, ...rest);
};

// What is told to a client's callback.
const told = (call) => new Promise((resolve, reject) => call((error, ...got) => (error ? reject(error) : resolve(got))));

const record = (at) => ({ note: at.text, user: { email: at.label }, list: [at.text, "b"], n: 9007199254740991, ratio: 1.5 });

// New Relic

async function newRelic(at) {
  const { hostname, port, protocol } = new URL(at.base);
  const { LogClient, LogBatch, Log } = newrelic.telemetry.logs;
  const client = new LogClient({ apiKey: "k", host: hostname, port: Number(port) });
  const secured = https.request;
  if (protocol === "http:") https.request = ({ agent, ...options }, ...rest) => http.request(options, ...rest);
  try {
    const logs = [new Log(at.text, AT.getTime(), record(at)), new Log("plain", AT.getTime(), { n: 1 }), new Log(at.text, AT.getTime())];
    const [answer, body] = await told((done) => client.send(new LogBatch(logs, { service: "shop", owner: at.text }), done));
    if (answer.statusCode >= 300) throw new Error(`${answer.statusCode}: ${body}`);
    return JSON.parse(body);
  } finally {
    https.request = secured;
  }
}

// Sumo Logic

async function sumo(at) {
  const logger = new SumoLogger({ endpoint: `${at.base}/sumo/receiver/v1/http/ZaVnC4dhaV3_7`, sessionKey: "s-1", sourceName: "shop", hostName: "web-1" });
  await logger.log([at.text, record(at), "plain", at.text], { timestamp: AT });
}

// Kafka's REST proxy

const kafka = (at) => new KafkaRest({ url: `${at.base}/kafka` });

async function kafkaBinary(at) {
  const whole = { key: "order-2", value: JSON.stringify(record(at)) };
  const records = [{ key: "order-1", value: at.text }, "plain and nothing else", whole, { value: Buffer.from([0, 159, 146, 150, 1]), partition: 1 }];
  const [answer] = await told((done) => kafka(at).topic("orders").produce(records, done));
  return answer;
}

async function kafkaAvro(at) {
  const fields = [{ name: "note", type: "string" }, { name: "n", type: "long" }];
  const schema = new KafkaRest.AvroSchema({ name: "Order", type: "record", fields });
  const records = [{ note: at.text, n: 1 }, { note: "plain", n: 2 }, { note: at.text, n: 3 }];
  const [answer] = await told((done) => kafka(at).topic("orders").partition(0).produce(schema, records, done));
  return answer;
}

// Loki

async function winstonLoki(at, json) {
  const errors = [];
  const httpsAgent = new https.Agent(at.tls);
  const watched = { httpsAgent, onConnectionError: (error) => errors.push(error), gracefulShutdown: false };
  const transport = new LokiTransport({ host: `${at.base}/loki`, labels: { app: "shop" }, json, replaceTimestamp: false, ...watched });
  // Where it finds no snappy it speaks JSON, and says nothing.
  if (transport.batcher.options.json !== json) throw new Error("no snappy");
  const logger = winston.createLogger({ transports: [transport] });
  logger.info({ message: at.text, timestamp: AT });
  logger.warn({ message: "plain", timestamp: AT });
  logger.info({ message: at.text, timestamp: AT, ...record(at) });
  await transport.close();
  httpsAgent.destroy();
  if (errors.length) throw errors[0];
}

async function lokiOfPino(at) {
  const stream = pinoLoki({ host: `${at.base}/loki/`, labels: { app: "shop" } });
  const logger = pino({ base: null, timestamp: () => `,"time":${AT.getTime()}` }, stream);
  logger.info(record(at), at.text);
  logger.warn("plain");
  logger.error({ meta: { email: at.label, note: at.text } }, at.text);
  stream.end();
  await once(stream, "close");
}

// Splunk

async function splunk(at) {
  const logger = new Splunk.Logger({ token: "7b1f1a2c", url: `${at.base}/splunk/services/collector/event/1.0`, maxBatchCount: 0 });
  Object.assign(logger.requestOptions, at.tls, { strictSSL: true });
  const metadata = { time: AT.getTime(), host: "web-1", source: "shop", sourcetype: "_json" };
  for (const message of [at.text, record(at), "plain", at.text]) logger.send({ message, metadata });
  const [, body] = await told((done) => logger.flush(done));
  return body;
}

// Datadog

async function datadog(at) {
  const transport = new DatadogWinston({ apiKey: "k", service: "shop", ddsource: "nodejs", ddtags: "env:prod", hostname: "web-1" });
  transport.api = `${at.base}/datadog/v1/input/k`;
  await told((done) => transport.log({ level: "info", message: at.text, ...record(at) }, done));
}

// Langfuse and LangSmith

// The older way, which its SDK of then goes.
async function langfuse(at) {
  const client = new Langfuse({ publicKey: "pk", secretKey: "sk", baseUrl: `${at.base}/langfuse`, flushAt: 10, fetchRetryCount: 0 });
  const trace = client.trace({ id: ID, timestamp: AT, name: at.text, userId: at.label, input: { q: at.text }, metadata: { note: at.text }, tags: [at.text] });
  const asked = { id: "gen-1", name: "ask", startTime: AT, model: "gpt-5", input: [{ role: "user", content: at.text }] };
  trace.generation(asked).update({ endTime: AT, output: at.text, usageDetails: { input: 11 } });
  trace.score({ id: "score-1", name: "s", value: 1, comment: at.text });
  // It knows of no answer but one for all: what the sink says of an event is an error of the batch.
  const errors = [];
  client.on("warning", (error) => errors.push(error.message));
  await client.shutdownAsync();
  return errors.map((error) => JSON.parse(error.split(" and body: ")[1]).map(({ status, message }) => [status, message]));
}

async function langfuseSpans(at) {
  const exporter = new OTLPTraceExporter({ url: `${at.base}/langfuse/api/public/otel/v1/traces`, httpAgentOptions: at.tls });
  const provider = new BasicTracerProvider({ spanProcessors: [new LangfuseSpanProcessor({ publicKey: "pk", secretKey: "sk", exporter })] });
  setLangfuseTracerProvider(provider);
  const asked = { model: "gpt-5", input: [{ role: "user", content: at.text }] };
  const seen = startObservation("ask", asked, { asType: "generation" });
  seen.update({ output: { answer: at.text }, metadata: { note: at.text }, usageDetails: { input: 11, output: 7 } }).end();
  await provider.forceFlush();
  await provider.shutdown();
}

async function langSmith(at, way) {
  const client = new LangSmith({ apiUrl: `${at.base}/langsmith`, apiKey: "k", autoBatchTracing: false, fetchImplementation: globalThis.fetch });
  const times = { start_time: AT.getTime(), end_time: AT.getTime() };
  const run = { id: ID, trace_id: ID, dotted_order: `20261129T070000000000Z${ID}`, name: "ask", run_type: "llm", ...times };
  const whole = { ...run, inputs: { messages: [{ role: "user", content: at.text }] }, outputs: { answer: at.text, n: 1.5 }, error: at.text };
  await client[way]({ runCreates: [{ ...whole, extra: { metadata: { note: at.text } } }] });
}

export const calls = {
  "newrelic logs": newRelic,
  "sumo logs": sumo,
  "kafka binary": kafkaBinary,
  "kafka avro": kafkaAvro,
  "winston loki json": (at) => winstonLoki(at, true),
  "winston loki protobuf": (at) => winstonLoki(at, false),
  "pino loki": lokiOfPino,
  "splunk events": splunk,
  "datadog log": datadog,
  "langfuse ingestion": langfuse,
  "langfuse spans": langfuseSpans,
  "langsmith batch": (at) => langSmith(at, "batchIngestRuns"),
  "langsmith parts": (at) => langSmith(at, "multipartIngestRuns"),
};
