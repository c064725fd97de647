// Opens an account and pays money in: node send.mjs BROKERS REGISTRY WORKER ACCOUNT
import avro from "avsc";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const [brokers, registry, worker, account] = process.argv.slice(2);

async function get(url, headers = {}) {
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

// encode returns the fields in wire format: 0, the schema's ID in four bytes, Avro binary.
async function encode(type, fields) {
  const latest = await get(`${registry}/subjects/refold.accounts.${type}/versions/latest`);
  const start = Buffer.alloc(5);
  start.writeInt32BE(latest.id, 1);
  return Buffer.concat([start, avro.Type.forSchema(JSON.parse(latest.schema)).toBuffer(fields)]);
}

const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
const producer = kafka.producer({
  createPartitioner: Partitioners.DefaultPartitioner, // as the Java client's; LegacyPartitioner is not
  idempotent: true,
  maxInFlightRequests: 1,
});

async function send(id, type, fields) {
  await producer.send({
    topic: "account-commands",
    acks: -1, // all
    messages: [{
      key: account,
      value: await encode(type, fields),
      headers: { ce_id: id, ce_type: type, ce_source: "/examples/node" },
    }],
  });
  const path = `/accounts/${encodeURIComponent(account)}/commands/${encodeURIComponent(id)}`;
  return get(worker + path, { Prefer: "wait=10" });
}

await producer.connect();
try {
  const opened = await send(`${account}-open`, "OpenAccount", { owner: "Noor", currency: "EUR" });
  console.log("OpenAccount:", JSON.stringify(opened));
  const paid = await send(`${account}-pay-1`, "DepositMoney", { amount: 500, currency: "EUR" });
  console.log("DepositMoney:", JSON.stringify(paid));
} finally {
  await producer.disconnect();
}
