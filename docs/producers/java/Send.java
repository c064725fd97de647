import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.*;
import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Opens an account and pays money in: java Send.java BROKERS REGISTRY ACCOUNT. */
record Send(
    String registry, String account, Producer<String, byte[]> producer, Consumer<String, byte[]> results) {
  public static void main(String[] args) throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", args[0], "isolation.level", "read_committed");
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer());
        var results = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
      results.assign(results.partitionsFor("account-results").stream()
          .map(p -> new org.apache.kafka.common.TopicPartition(p.topic(), p.partition())).toList());
      results.assignment().forEach(results::position); // of the end: nothing is sent yet
      var send = new Send(args[1], args[2], producer, results);
      System.out.println(send.command("open", "OpenAccount", Map.of("owner", "Jo", "currency", "EUR")));
      System.out.println(send.command("pay-1", "DepositMoney", Map.of("amount", 500L, "currency", "EUR")));
    }
  }

  Object command(String name, String type, Map<String, Object> fields) throws Exception {
    var id = account + "-" + name;
    var latest = get("/subjects/refold.accounts." + type + "/versions/latest");
    var schema = new Schema.Parser().parse(latest.get("schema").textValue());
    var builder = new GenericRecordBuilder(schema);
    fields.forEach(builder::set);
    var value = new ByteArrayOutputStream(); // 0, the schema's ID in four bytes, Avro binary
    value.write(ByteBuffer.allocate(5).putInt(1, latest.get("id").asInt()).array());
    var encoder = EncoderFactory.get().directBinaryEncoder(value, null);
    new GenericDatumWriter<>(schema).write(builder.build(), encoder);
    var record = new ProducerRecord<>("account-commands", account, value.toByteArray());
    Map.of("ce_id", id, "ce_type", type, "ce_source", "/examples/java")
        .forEach((header, text) -> record.headers().add(header, text.getBytes(UTF_8)));
    producer.send(record).get();
    for (var end = System.nanoTime() + 10_000_000_000L; System.nanoTime() < end; )
      for (var result : results.poll(java.time.Duration.ofMillis(100)))
        if (Arrays.equals(result.headers().lastHeader("ce_causationid").value(), id.getBytes(UTF_8))
            && result.key().equals(account)) return decode(ByteBuffer.wrap(result.value()));
    throw new IOException(id + ": no outcome within 10 s: look into the dead letters");
  }

  Object decode(ByteBuffer value) throws Exception {
    var schema = new Schema.Parser().parse(get("/schemas/ids/" + value.getInt(1)).get("schema").textValue());
    var decoder = DecoderFactory.get().binaryDecoder(value.array(), 5, value.limit() - 5, null);
    return new GenericDatumReader<>(schema).read(null, decoder);
  }

  JsonNode get(String path) throws IOException {
    return new ObjectMapper().readTree(java.net.URI.create(registry + path).toURL().openStream());
  }
}
