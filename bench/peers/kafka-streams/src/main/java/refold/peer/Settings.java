package refold.peer;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/** How Kafka Streams is set. Whatever is not named here is as it ships. */
final class Settings {
  private static final long MIB = 1L << 20;

  /**
   * All stores share one block cache, memtables included, as Kafka's own documentation advises for bounded memory.
   * Each store would have 50 MiB of its own otherwise.
   */
  public static final class BoundedRocks implements org.apache.kafka.streams.state.RocksDBConfigSetter {
    private static final Cache CACHE;
    private static final WriteBufferManager MEMTABLES;

    static {
      RocksDB.loadLibrary();
      CACHE = new LRUCache(128 * MIB, -1, false, 0.1);
      MEMTABLES = new WriteBufferManager(64 * MIB, CACHE);
    }

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
      BlockBasedTableConfig tables = (BlockBasedTableConfig) options.tableFormatConfig();
      tables.setBlockCache(CACHE);
      tables.setCacheIndexAndFilterBlocks(true);
      tables.setCacheIndexAndFilterBlocksWithHighPriority(true);
      tables.setPinTopLevelIndexAndFilter(true);
      options.setTableFormatConfig(tables);
      options.setWriteBufferManager(MEMTABLES);
    }

    @Override
    public void close(String store, Options options) {
      // The cache is everybody's, and ends with the process.
    }
  }

  private Settings() {}

  static Properties of(Arguments a, String application) {
    int session = (int) a.number("session-ms", 45_000);
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, a.text("brokers", "localhost:9092"));
    p.put(StreamsConfig.STATE_DIR_CONFIG, a.text("state-dir", "state"));
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, a.number("commit-ms", 100));
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, (int) a.number("threads", cores()));
    p.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, (int) a.number("standbys", 0));
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, (int) a.number("replication", 1));
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, a.number("cache-mib", 64) * MIB);
    p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocks.class);
    p.put(StreamsConfig.APPLICATION_SERVER_CONFIG, "127.0.0.1:" + a.number("http-port", 0));
    // A record that can't be read or handled is set aside, and the line goes on.
    p.put(
        StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueExceptionHandler.class);
    p.put(
        StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG,
        LogAndContinueProcessingExceptionHandler.class);
    p.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, a.text("prefix", "") + "dead-letters");
    // The producer sends what a commit takes with the commit's flush; a short linger only splits it up. The worker
    // that is compared compresses by snappy, too.
    p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), a.number("linger-ms", 100));
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64 * MIB);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), a.text("compression", "snappy"));
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4000);
    p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 4000);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), (int) a.number("fetch-wait-ms", 100));
    p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), session);
    p.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), Math.min(3000, session / 3));
    return p;
  }

  private static long cores() {
    return Runtime.getRuntime().availableProcessors();
  }
}
