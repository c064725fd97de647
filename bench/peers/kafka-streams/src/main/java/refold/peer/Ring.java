package refold.peer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The latest commands to an account and their outcomes, as bytes of its row: one read and one write of one store
 * serve state and repeats alike. A store of its own, keyed by command ID, would take another read and another
 * write for every command, and a second changelog; a windowed one also a clean-up.
 *
 * <p>The format is that of Refold's rows: a byte 1, then for each command, the oldest first, a byte with the length of
 * the payload (0x80 is added if it was rejected), 16 bytes of the SHA-256 of its ID, and the payload: the
 * rejection's code, or the first sequence and the number of events as varints.
 */
final class Ring {
  static final int SIZE = 16;

  private static final int HASH = 16;
  private static final int HEADER = 1 + HASH;
  private static final int REJECTED = 0x80;
  private static final int MAX_PAYLOAD = 64;

  private static final ThreadLocal<MessageDigest> SHA256 =
      ThreadLocal.withInitial(
          () -> {
            try {
              return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
              throw new IllegalStateException(e);
            }
          });

  /** The outcome of a command: of a rejected one the code, of an accepted one its events. */
  record Outcome(String code, long firstSequence, long events) {
    static Outcome rejected(String code) {
      return new Outcome(code, 0, 0);
    }

    static Outcome accepted(long firstSequence, long events) {
      return new Outcome("", firstSequence, events);
    }

    boolean accepted() {
      return code.isEmpty();
    }

    long lastSequence() {
      return accepted() ? firstSequence + events - 1 : 0;
    }
  }

  private Ring() {}

  static byte[] hash(String commandId) {
    return SHA256.get().digest(commandId.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns the outcome of the command, or null if the ring does not know it. */
  static Outcome find(ByteBuffer ring, byte[] hash) {
    byte[] b = ring.array();
    int base = ring.arrayOffset() + ring.position();
    int end = base + ring.remaining();
    for (int at = base + 1; at < end; at += size(b[at])) {
      if (java.util.Arrays.equals(b, at + 1, at + HEADER, hash, 0, HASH)) {
        return read(b, at);
      }
    }
    return null;
  }

  private static Outcome read(byte[] b, int at) {
    int length = b[at] & 0x7f;
    if ((b[at] & REJECTED) != 0) {
      return Outcome.rejected(new String(b, at + HEADER, length, StandardCharsets.UTF_8));
    }
    ByteBuffer payload = ByteBuffer.wrap(b, at + HEADER, length);
    return Outcome.accepted(readVarint(payload), readVarint(payload));
  }

  /** Returns a ring that knows the command too, and of the older ones as many as make SIZE in all. */
  static ByteBuffer add(ByteBuffer ring, byte[] hash, Outcome outcome) {
    byte[] b = ring.array();
    int base = ring.arrayOffset() + ring.position();
    int end = base + ring.remaining();
    int known = 0;
    for (int at = base + 1; at < end; at += size(b[at])) {
      known++;
    }
    int from = Math.min(base + 1, end);
    for (; known >= SIZE; known--) {
      from += size(b[from]);
    }
    ByteBuffer next = ByteBuffer.allocate(1 + end - from + HEADER + MAX_PAYLOAD);
    next.put((byte) 1).put(b, from, end - from);
    int entry = next.position();
    next.position(entry + 1);
    next.put(hash, 0, HASH);
    if (outcome.accepted()) {
      writeVarint(next, outcome.firstSequence());
      writeVarint(next, outcome.events());
    } else {
      next.put(outcome.code().getBytes(StandardCharsets.UTF_8));
    }
    int payload = next.position() - entry - HEADER;
    next.put(entry, (byte) (outcome.accepted() ? payload : payload | REJECTED));
    return next.flip();
  }

  private static int size(byte first) {
    return HEADER + (first & 0x7f);
  }

  private static long readVarint(ByteBuffer from) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = from.get();
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }

  private static void writeVarint(ByteBuffer to, long value) {
    for (; (value & ~0x7fL) != 0; value >>>= 7) {
      to.put((byte) (value | 0x80));
    }
    to.put((byte) value);
  }
}
