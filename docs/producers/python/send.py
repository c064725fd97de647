"""Opens an account and pays money in: python send.py BROKERS REGISTRY ACCOUNT."""
import io, json, sys, urllib.request
import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition

brokers, registry, account = sys.argv[1:]


def get(path):
    with urllib.request.urlopen(registry + path) as answer:
        return json.load(answer)


def encode(type_name, fields):
    """Returns the fields in wire format: 0, the schema's ID in four bytes, Avro binary."""
    latest = get(f"/subjects/refold.accounts.{type_name}/versions/latest")
    value = io.BytesIO()
    value.write(b"\0" + latest["id"].to_bytes(4, "big"))
    fastavro.schemaless_writer(value, fastavro.parse_schema(json.loads(latest["schema"])), fields)
    return value.getvalue()


def decode(value):
    schema = json.loads(get(f"/schemas/ids/{int.from_bytes(value[1:5], 'big')}")["schema"])
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(schema))


producer = Producer({
    "bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True,
    "partitioner": "murmur2_random",  # the default is not the Java client's
})
results = Consumer({
    "bootstrap.servers": brokers, "group.id": "unused", "enable.auto.commit": False,
    "isolation.level": "read_committed",
})
topic = "account-results"  # read from where it ends now, before anything is sent
partitions = [TopicPartition(topic, p) for p in results.list_topics(topic).topics[topic].partitions]
results.assign([TopicPartition(topic, p.partition, results.get_watermark_offsets(p)[1]) for p in partitions])


def send(command_id, type_name, fields):
    producer.produce("account-commands", key=account, value=encode(type_name, fields), headers={
        "ce_id": command_id, "ce_type": type_name, "ce_source": "/examples/python"},
        on_delivery=lambda err, _: err and sys.exit(f"{command_id} was not sent: {err}"))
    producer.flush()
    while record := results.poll(10):
        if record.error():
            sys.exit(f"reading {topic}: {record.error()}")
        headers = {name: value.decode() for name, value in record.headers()}
        if record.key().decode() == account and headers["ce_causationid"] == command_id:
            outcome = decode(record.value())
            return outcome["code"] or f"accepted, event {outcome['lastSequence']}"
    sys.exit(f"no outcome of {command_id} within 10 s: look into the dead letters")


print("OpenAccount:", send(f"{account}-open", "OpenAccount", {"owner": "Pia", "currency": "EUR"}))
print("DepositMoney:", send(f"{account}-pay-1", "DepositMoney", {"amount": 500, "currency": "EUR"}))
results.close()
