package refold.peer;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;

/**
 * Restores a state store of Kafka Streams from its changelog onto an empty disk, and prints what that
 * took as a line of JSON.
 *
 * <p>Arguments: brokers, application ID, name of the store, folder, threads, partitions. The changelog is
 * named APPLICATION-STORE-changelog, the input of the topology APPLICATION-input; nothing is in that.
 */
public final class Restore {
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  /** What the topology does with an input that never comes. */
  private static final class Ignoring implements Processor<byte[], byte[], Void, Void> {
    @Override
    public void process(Record<byte[], byte[]> record) {}
  }

  /** Notes when restores begin and end, and how many records they bring. */
  private static final class Watch implements StateRestoreListener {
    final AtomicLong began = new AtomicLong();
    final AtomicLong records = new AtomicLong();
    final CountDownLatch missing;

    Watch(int partitions) {
      missing = new CountDownLatch(partitions);
    }

    @Override
    public void onRestoreStart(TopicPartition partition, String store, long from, long to) {
      began.compareAndSet(0, System.nanoTime());
    }

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long to, long count) {
      records.addAndGet(count);
    }

    @Override
    public void onRestoreEnd(TopicPartition partition, String store, long total) {
      missing.countDown();
    }
  }

  public static void main(String[] args) throws Exception {
    String application = args[1];
    String store = args[2];
    Topology topology = new Topology();
    topology.addSource(
        "input",
        Serdes.ByteArray().deserializer(),
        Serdes.ByteArray().deserializer(),
        application + "-input");
    topology.addProcessor("rows", Ignoring::new, "input");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(store), Serdes.ByteArray(), Serdes.ByteArray()),
        "rows");

    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[4]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");

    Watch watch = new Watch(Integer.parseInt(args[5]));
    long cpu = cpuNanos();
    long begin = System.nanoTime();
    KafkaStreams streams = new KafkaStreams(topology, p);
    streams.setGlobalStateRestoreListener(watch);
    streams.start();
    if (!watch.missing.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("not restored within " + PATIENCE);
    }
    long end = System.nanoTime();
    String line =
        String.format(
            Locale.ROOT,
            "{\"rows\":%d,\"seconds\":%.3f,\"startSeconds\":%.3f,\"cpuSeconds\":%.3f,\"peakBytes\":%d}",
            watch.records.get(),
            (end - watch.began.get()) / 1e9,
            (watch.began.get() - begin) / 1e9,
            (cpuNanos() - cpu) / 1e9,
            peakBytes());
    streams.close(
        CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
            .withTimeout(Duration.ofSeconds(30)));
    System.out.println(line);
  }

  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  /** Returns the most memory that this process has held; 0 if nobody knows. */
  private static long peakBytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    return 0;
  }
}
