package refold.peer;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The bare work: read a number, add one, write it, emit it before the value that came. */
final class CountTopology {
  static final String STORE = "counts";

  private CountTopology() {}

  static Topology of(String prefix) {
    Topology t = new Topology();
    t.addSource(
        "input", Serdes.String().deserializer(), Serdes.String().deserializer(), prefix + "input");
    t.addProcessor("count", Count::new, "input");
    t.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.Long())
            .withCachingEnabled(),
        "count");
    t.addSink("output", prefix + "output", Serdes.String().serializer(), Serdes.String().serializer(), "count");
    return t;
  }

  private static final class Count implements Processor<String, String, String, String> {
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, Long> counts;

    @Override
    public void init(ProcessorContext<String, String> context) {
      this.context = context;
      counts = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, String> record) {
      Long before = counts.get(record.key());
      long count = before == null ? 1 : before + 1;
      counts.put(record.key(), count);
      context.forward(record.withValue(count + ":" + record.value()));
    }
  }
}
