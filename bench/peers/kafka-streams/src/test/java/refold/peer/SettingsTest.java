package refold.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;

/** Clients check their settings when they are made, which a TopologyTestDriver never does. */
final class SettingsTest {
  private static StreamsConfig settings(String... arguments) {
    return new StreamsConfig(Settings.of(new Arguments(arguments), "app"));
  }

  private static ConsumerConfig consumer(Map<String, Object> settings) {
    settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    return new ConsumerConfig(settings);
  }

  private static ProducerConfig producer(StreamsConfig settings) {
    Map<String, Object> all = settings.getProducerConfigs("client");
    all.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    all.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    return new ProducerConfig(all);
  }

  @Test
  void clientsTakeTheDefaults() {
    StreamsConfig all = settings();
    ConsumerConfig main = consumer(all.getMainConsumerConfigs("app", "client", 0));
    assertEquals(45_000, main.getInt(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG));
    assertEquals("earliest", main.getString(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG));
    assertEquals("read_committed", main.getString(ConsumerConfig.ISOLATION_LEVEL_CONFIG));
    assertEquals(100, consumer(all.getRestoreConsumerConfigs("client")).getInt(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG));
    assertEquals(100L, producer(all).getLong(ProducerConfig.LINGER_MS_CONFIG));
    assertEquals(100L, all.getLong(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG));
    assertEquals("exactly_once_v2", all.getString(StreamsConfig.PROCESSING_GUARANTEE_CONFIG));
  }

  @Test
  void clientsTakeTheBestLatency() {
    StreamsConfig all =
        settings("--commit-ms", "10", "--linger-ms", "0", "--fetch-wait-ms", "10", "--session-ms", "6000");
    ConsumerConfig main = consumer(all.getMainConsumerConfigs("app", "client", 0));
    assertEquals(10, main.getInt(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG));
    assertEquals(6000, main.getInt(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG));
    assertEquals(2000, main.getInt(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG));
    assertEquals(0L, producer(all).getLong(ProducerConfig.LINGER_MS_CONFIG));
    assertEquals(10L, all.getLong(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG));
  }
}
