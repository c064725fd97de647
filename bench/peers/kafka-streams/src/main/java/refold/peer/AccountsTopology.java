package refold.peer;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import refold.Result;

/**
 * The accounts: commands become events, results and rows, by one processor with one store.
 *
 * <p>The Processor API, and not the DSL: an aggregate of the DSL has one output, and events, results and rows would
 * take two repartitions or a second store.
 */
final class AccountsTopology {
  static final String STORE = "accounts";

  private static final String EVENTS = "events";
  private static final String RESULTS = "results";

  private AccountsTopology() {}

  static Topology of(String prefix, Wire wire) {
    Topology t = new Topology();
    t.addSource(
        "commands", Serdes.String().deserializer(), wire.deserializer(), prefix + "account-commands");
    t.addProcessor("decide", () -> new Decide(prefix + "accounts"), "commands");
    t.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(STORE), Serdes.String(), wire.serde(AccountRow.class))
            .withCachingEnabled(), // the last row of a key goes to the changelog, once for each commit
        "decide");
    t.addSink(
        EVENTS, prefix + "account-events", Serdes.String().serializer(), wire.serializer(), "decide");
    t.addSink(
        RESULTS, prefix + "account-results", Serdes.String().serializer(), wire.serializer(), "decide");
    return t;
  }

  private static final class Decide implements Processor<String, SpecificRecord, String, SpecificRecord> {
    private final String source;
    private ProcessorContext<String, SpecificRecord> context;
    private KeyValueStore<String, AccountRow> rows;

    Decide(String source) {
      this.source = source;
    }

    @Override
    public void init(ProcessorContext<String, SpecificRecord> context) {
      this.context = context;
      rows = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, SpecificRecord> record) {
      Messages.Command command = Messages.command(record.key(), record.headers(), record.timestamp());
      String type = record.value().getSchema().getName();
      if (!type.equals(Messages.text(record.headers(), Messages.TYPE))) {
        throw new IllegalArgumentException("the value is a " + type + ", " + Messages.TYPE + " says another");
      }
      AccountRow row = rows.get(record.key());
      if (row == null) {
        row = new AccountRow("", "", "", 0L, new ArrayList<>(), 0L, ByteBuffer.allocate(0));
      }
      byte[] hash = Ring.hash(command.id());
      Ring.Outcome known = Ring.find(row.getRecent(), hash);
      if (known != null) {
        result(record, command, type, known, "the command came before", true);
        return;
      }
      Ring.Outcome outcome;
      String message = "";
      try {
        SpecificRecord event = decide(row, record.value(), command);
        long sequence = row.getSequence() + 1;
        row.setSequence(sequence);
        Accounts.evolve(row, event);
        outcome = Ring.Outcome.accepted(sequence, 1);
        event(record, command, event, sequence);
      } catch (Rejection rejection) {
        outcome = Ring.Outcome.rejected(rejection.code);
        message = rejection.getMessage();
      }
      row.setRecent(Ring.add(row.getRecent(), hash, outcome));
      rows.put(record.key(), row);
      result(record, command, type, outcome, message, false);
    }

    private static SpecificRecord decide(AccountRow row, SpecificRecord data, Messages.Command command)
        throws Rejection {
      Long expected = command.expectedSequence();
      if (expected != null && expected != row.getSequence()) {
        throw new Rejection(
            "sequence-mismatch", "expected is " + expected + ", the account is at " + row.getSequence());
      }
      return Accounts.decide(row, data);
    }

    private void event(
        Record<String, SpecificRecord> record, Messages.Command command, SpecificRecord event, long sequence) {
      Headers headers =
          Messages.caused(
              command, source, record.key() + "/" + sequence, event.getSchema().getName(), sequence);
      context.forward(new Record<>(record.key(), event, record.timestamp(), headers), EVENTS);
    }

    private void result(
        Record<String, SpecificRecord> record,
        Messages.Command command,
        String type,
        Ring.Outcome outcome,
        String message,
        boolean repeated) {
      Headers headers = Messages.caused(command, source, command.id() + "/result", "Result", 0);
      if (repeated) {
        headers.add(Messages.REPEATED, Messages.bytes("true"));
      }
      Result result =
          new Result(
              type,
              outcome.accepted(),
              outcome.firstSequence(),
              outcome.lastSequence(),
              outcome.code(),
              outcome.accepted() ? "" : message);
      context.forward(new Record<>(record.key(), result, record.timestamp(), headers), RESULTS);
    }
  }
}
