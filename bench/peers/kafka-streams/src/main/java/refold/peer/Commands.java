package refold.peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.avro.Schema;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import refold.Result;

/** Serves POST /accounts/ID/commands: sends the command, waits for its result, answers with it. */
final class Commands {
  private static final long PATIENCE_SECONDS = 30;
  private static final Duration POLL = Duration.ofMillis(500);

  private final String topic;
  private final Wire wire;
  private final KafkaProducer<String, byte[]> producer;
  private final KafkaConsumer<String, byte[]> results;
  private final Map<String, CompletableFuture<Result>> waiting = new ConcurrentHashMap<>();
  private final ObjectMapper mapper = new ObjectMapper();

  Commands(String brokers, String prefix, Wire wire) {
    this.wire = wire;
    topic = prefix + "account-commands";
    Properties p = new Properties();
    p.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    p.put(ProducerConfig.LINGER_MS_CONFIG, 0); // somebody waits
    producer = new KafkaProducer<>(p, new StringSerializer(), new ByteArraySerializer());
    Properties c = new Properties();
    c.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    c.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    c.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    results = new KafkaConsumer<>(c, new StringDeserializer(), new ByteArrayDeserializer());
    List<TopicPartition> all =
        results.partitionsFor(prefix + "account-results").stream()
            .map(i -> new TopicPartition(i.topic(), i.partition()))
            .toList();
    results.assign(all);
    results.seekToEnd(all);
    all.forEach(results::position); // now, not at the first poll
  }

  void start() {
    Thread.ofPlatform().daemon().name("results").start(this::follow);
  }

  private void follow() {
    while (true) {
      for (ConsumerRecord<String, byte[]> record : results.poll(POLL)) {
        CompletableFuture<Result> waiter =
            waiting.remove(Messages.text(record.headers(), Messages.CAUSATION));
        if (waiter != null) {
          waiter.complete((Result) wire.decode(record.value()));
        }
      }
    }
  }

  void serve(HttpExchange exchange) throws IOException {
    String[] path = exchange.getRequestURI().getPath().split("/"); // "", accounts, ID, commands
    if (path.length != 4 || !path[3].equals("commands")) {
      Reads.answer(exchange, 404, "{}");
      return;
    }
    String id = exchange.getRequestHeaders().getFirst("Idempotency-Key");
    if (id == null) {
      id = UUID.randomUUID().toString();
    }
    CompletableFuture<Result> outcome = new CompletableFuture<>();
    waiting.put(id, outcome);
    try {
      SpecificRecord command = command(mapper.readTree(exchange.getRequestBody()));
      ProducerRecord<String, byte[]> record = new ProducerRecord<>(topic, path[2], wire.encode(command));
      record
          .headers()
          .add("ce_specversion", Messages.bytes("1.0"))
          .add(Messages.ID, Messages.bytes(id))
          .add("ce_source", Messages.bytes("peer"))
          .add(Messages.TYPE, Messages.bytes(command.getSchema().getName()))
          .add("ce_subject", Messages.bytes(path[2]));
      producer.send(
          record,
          (sent, failed) -> {
            if (failed != null) {
              outcome.completeExceptionally(failed);
            }
          });
      Result result = outcome.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      Reads.answer(exchange, result.getAccepted() ? 200 : 422, Reads.json(result));
    } catch (IllegalArgumentException e) {
      Reads.answer(exchange, 400, "{}");
    } catch (TimeoutException | ExecutionException e) {
      Reads.answer(exchange, 503, "{}");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      waiting.remove(id);
    }
  }

  /** Makes a command of {"type": …, "data": {…}}. */
  private static SpecificRecord command(JsonNode body) throws IOException {
    Class<?> type;
    try {
      type = Class.forName("refold.accounts." + body.path("type").asText());
    } catch (ClassNotFoundException e) {
      throw new IllegalArgumentException("no such command", e);
    }
    Schema schema = SpecificData.get().getSchema(type);
    return new SpecificDatumReader<SpecificRecord>(schema)
        .read(null, DecoderFactory.get().jsonDecoder(schema, body.path("data").toString()));
  }
}
