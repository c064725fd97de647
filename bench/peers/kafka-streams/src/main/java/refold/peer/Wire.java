package refold.peer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Avro in the Confluent wire format: a byte 0, the schema's ID, the data. It does what Confluent's serdes do with
 * use.latest.version and the subject strategy RecordNameStrategy (those are not on Maven Central), and less: readers
 * and writers are kept for each thread, and so are buffers.
 */
final class Wire {
  private static final int HEADER = 5;

  /** What a thread uses again and again. */
  private static final class Scratch {
    final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    final Map<Integer, DatumReader<SpecificRecord>> readers = new HashMap<>();
    final Map<Class<?>, DatumWriter<SpecificRecord>> writers = new HashMap<>();
    BinaryEncoder encoder;
    BinaryDecoder decoder;
  }

  private final Registry registry;
  private final Map<Class<?>, Integer> ids = new ConcurrentHashMap<>();
  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

  Wire(Registry registry) {
    this.registry = registry;
  }

  byte[] encode(SpecificRecord value) {
    Class<?> type = value.getClass();
    int id = ids.computeIfAbsent(type, t -> registry.latest(value.getSchema()));
    Scratch s = scratch.get();
    s.out.reset();
    s.out.write(0);
    s.out.write(id >>> 24);
    s.out.write(id >>> 16);
    s.out.write(id >>> 8);
    s.out.write(id);
    s.encoder = EncoderFactory.get().directBinaryEncoder(s.out, s.encoder);
    try {
      s.writers
          .computeIfAbsent(type, t -> new SpecificDatumWriter<>(value.getSchema()))
          .write(value, s.encoder);
    } catch (IOException e) {
      throw new SerializationException("encoding a " + value.getSchema().getFullName(), e);
    }
    return s.out.toByteArray();
  }

  SpecificRecord decode(byte[] bytes) {
    if (bytes.length < HEADER || bytes[0] != 0) {
      throw new SerializationException("not in the Confluent wire format");
    }
    Scratch s = scratch.get();
    DatumReader<SpecificRecord> reader =
        s.readers.computeIfAbsent(ByteBuffer.wrap(bytes).getInt(1), this::reader);
    s.decoder = DecoderFactory.get().binaryDecoder(bytes, HEADER, bytes.length - HEADER, s.decoder);
    try {
      return reader.read(null, s.decoder);
    } catch (IOException | RuntimeException e) {
      throw new SerializationException("decoding a record", e);
    }
  }

  private DatumReader<SpecificRecord> reader(int id) {
    Schema writers = registry.byId(id);
    Class<?> type = SpecificData.get().getClass(writers);
    if (type == null) {
      throw new SerializationException("unknown type " + writers.getFullName());
    }
    return new SpecificDatumReader<>(writers, SpecificData.get().getSchema(type));
  }

  Serializer<SpecificRecord> serializer() {
    return (topic, value) -> value == null ? null : encode(value);
  }

  Deserializer<SpecificRecord> deserializer() {
    return (topic, bytes) -> bytes == null ? null : decode(bytes);
  }

  /** Returns the serde of a store's rows, which are all of one type, and nobody else's. */
  <T extends SpecificRecord> Serde<T> serde(Class<T> type) {
    ids.computeIfAbsent(type, t -> registry.own(SpecificData.get().getSchema(t)));
    return Serdes.serdeFrom(
        (topic, value) -> value == null ? null : encode(value),
        (topic, bytes) -> bytes == null ? null : type.cast(decode(bytes)));
  }
}
