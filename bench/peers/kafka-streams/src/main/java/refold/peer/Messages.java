package refold.peer;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** The headers of messages: CloudEvents in Kafka's binary mode. */
final class Messages {
  static final String ID = "ce_id";
  static final String TYPE = "ce_type";
  static final String CAUSATION = "ce_causationid";
  static final String REPEATED = "refold_repeated";

  private static final String CORRELATION = "ce_correlationid";
  private static final String EXPECTED = "ce_expectedsequence";
  private static final String TRACE = "traceparent";
  private static final byte[] SPEC_VERSION = bytes("1.0");

  /** What is known of a command beside its data. */
  record Command(
      String id, String subject, String correlation, byte[] trace, Long expectedSequence, byte[] time) {}

  private Messages() {}

  /** Reads a command's headers. Its time is the record's. */
  static Command command(String key, Headers headers, long timestamp) {
    String id = text(headers, ID);
    if (key == null || key.isEmpty() || id == null || id.isEmpty()) {
      throw new IllegalArgumentException("a command has a key and a " + ID);
    }
    String correlation = text(headers, CORRELATION);
    String expected = text(headers, EXPECTED);
    Header trace = headers.lastHeader(TRACE);
    return new Command(
        id,
        key,
        correlation == null || correlation.isEmpty() ? id : correlation,
        trace == null ? null : trace.value(),
        expected == null ? null : Long.valueOf(expected),
        bytes(Instant.ofEpochMilli(timestamp).toString()));
  }

  /** Returns the headers of an event, or of a result, whose sequence is 0. */
  static Headers caused(Command command, String source, String id, String type, long sequence) {
    Headers h = new RecordHeaders();
    h.add("ce_specversion", SPEC_VERSION);
    h.add(ID, bytes(id));
    h.add("ce_source", bytes(source));
    h.add(TYPE, bytes(type));
    h.add("ce_subject", bytes(command.subject()));
    h.add("ce_time", command.time());
    h.add(CORRELATION, bytes(command.correlation()));
    h.add(CAUSATION, bytes(command.id()));
    if (sequence > 0) {
      h.add("ce_sequence", bytes(Long.toString(sequence)));
    }
    if (command.trace() != null) {
      h.add(TRACE, command.trace());
    }
    return h;
  }

  static String text(Headers headers, String name) {
    Header header = headers.lastHeader(name);
    return header == null || header.value() == null
        ? null
        : new String(header.value(), StandardCharsets.UTF_8);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
