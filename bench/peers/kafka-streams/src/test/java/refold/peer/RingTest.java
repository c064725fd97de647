package refold.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

final class RingTest {
  @Test
  void remembersOutcomes() {
    ByteBuffer ring = ByteBuffer.allocate(0);
    ring = Ring.add(ring, Ring.hash("a"), Ring.Outcome.accepted(300, 2));
    ring = Ring.add(ring, Ring.hash("b"), Ring.Outcome.rejected("account-frozen"));
    assertEquals(Ring.Outcome.accepted(300, 2), Ring.find(ring, Ring.hash("a")));
    assertEquals(301, Ring.find(ring, Ring.hash("a")).lastSequence());
    assertEquals(Ring.Outcome.rejected("account-frozen"), Ring.find(ring, Ring.hash("b")));
    assertNull(Ring.find(ring, Ring.hash("c")));
  }

  @Test
  void keepsSixteen() {
    ByteBuffer ring = ByteBuffer.allocate(0);
    for (int i = 0; i <= Ring.SIZE; i++) {
      ring = Ring.add(ring, Ring.hash("c" + i), Ring.Outcome.accepted(i + 1, 1));
    }
    assertNull(Ring.find(ring, Ring.hash("c0")));
    assertEquals(Ring.Outcome.accepted(2, 1), Ring.find(ring, Ring.hash("c1")));
    assertEquals(Ring.Outcome.accepted(Ring.SIZE + 1, 1), Ring.find(ring, Ring.hash("c" + Ring.SIZE)));
  }

  @Test
  void hasRefoldsBytes() {
    ByteBuffer ring = Ring.add(ByteBuffer.allocate(0), Ring.hash("a"), Ring.Outcome.accepted(1, 1));
    byte[] bytes = new byte[ring.remaining()];
    ring.get(bytes);
    assertEquals("0102ca978112ca1bbdcafac231b39a23dc4d0101", HexFormat.of().formatHex(bytes));
  }
}
