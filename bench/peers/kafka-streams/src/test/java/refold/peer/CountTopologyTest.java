package refold.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.TopologyTestDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CountTopologyTest {
  @Test
  void countsByKey(@TempDir Path state) {
    var settings = Settings.of(new Arguments("--state-dir", state.toString()), "count");
    try (var driver = new TopologyTestDriver(CountTopology.of("p-"), settings)) {
      var input = driver.createInputTopic("p-input", new StringSerializer(), new StringSerializer());
      var output = driver.createOutputTopic("p-output", new StringDeserializer(), new StringDeserializer());
      input.pipeInput("a", "0");
      input.pipeInput("b", "1");
      input.pipeInput("a", "2");
      assertEquals(List.of("1:0", "1:1", "2:2"), output.readValuesToList());
    }
  }
}
