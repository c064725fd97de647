package refold.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import refold.Result;
import refold.accounts.AccountOpened;
import refold.accounts.DepositMoney;
import refold.accounts.OpenAccount;
import refold.accounts.WithdrawMoney;

final class AccountsTopologyTest {
  private static final Instant NOON = Instant.parse("2026-01-31T12:00:00.500Z");

  @TempDir Path state;
  private final Wire wire = new Wire(new MemoryRegistry());
  private TopologyTestDriver driver;
  private TestInputTopic<String, byte[]> commands;
  private TestOutputTopic<String, byte[]> events;
  private TestOutputTopic<String, byte[]> results;
  private TestOutputTopic<String, byte[]> letters;

  @BeforeEach
  void start() {
    Properties settings =
        Settings.of(new Arguments("--prefix", "t-", "--state-dir", state.toString()), "t-accounts");
    driver = new TopologyTestDriver(AccountsTopology.of("t-", wire), settings);
    commands = driver.createInputTopic("t-account-commands", new StringSerializer(), new ByteArraySerializer());
    events = output("t-account-events");
    results = output("t-account-results");
    letters = output("t-dead-letters");
  }

  private TestOutputTopic<String, byte[]> output(String topic) {
    return driver.createOutputTopic(topic, new StringDeserializer(), new ByteArrayDeserializer());
  }

  @AfterEach
  void stop() {
    driver.close();
  }

  private void send(String id, SpecificRecord command, String... more) {
    Headers headers = new RecordHeaders();
    headers.add("ce_id", Messages.bytes(id));
    headers.add("ce_type", Messages.bytes(command.getSchema().getName()));
    for (int i = 0; i < more.length; i += 2) {
      headers.add(more[i], Messages.bytes(more[i + 1]));
    }
    commands.pipeInput(new TestRecord<>("alice", wire.encode(command), headers, NOON));
  }

  private Result result() {
    return (Result) wire.decode(results.readValue());
  }

  @Test
  void acceptedCommandGivesEventResultAndRow() {
    send("c1", new OpenAccount("Alice", "EUR"), "ce_correlationid", "chain", "traceparent", "00-1");

    TestRecord<String, byte[]> event = events.readRecord();
    assertEquals("alice", event.key());
    assertEquals(new AccountOpened("Alice", "EUR"), wire.decode(event.value()));
    assertEquals(NOON, event.getRecordTime());
    Headers h = event.headers();
    assertEquals("1.0", Messages.text(h, "ce_specversion"));
    assertEquals("alice/1", Messages.text(h, "ce_id"));
    assertEquals("t-accounts", Messages.text(h, "ce_source"));
    assertEquals("AccountOpened", Messages.text(h, "ce_type"));
    assertEquals("alice", Messages.text(h, "ce_subject"));
    assertEquals("2026-01-31T12:00:00.500Z", Messages.text(h, "ce_time"));
    assertEquals("chain", Messages.text(h, "ce_correlationid"));
    assertEquals("c1", Messages.text(h, "ce_causationid"));
    assertEquals("1", Messages.text(h, "ce_sequence"));
    assertEquals("00-1", Messages.text(h, "traceparent"));

    TestRecord<String, byte[]> result = results.readRecord();
    assertEquals(new Result("OpenAccount", true, 1L, 1L, "", ""), wire.decode(result.value()));
    assertEquals("c1/result", Messages.text(result.headers(), "ce_id"));
    assertEquals("c1", Messages.text(result.headers(), "ce_causationid"));
    assertNull(result.headers().lastHeader("ce_sequence"));

    AccountRow row = (AccountRow) driver.getKeyValueStore(AccountsTopology.STORE).get("alice");
    assertEquals("open", row.getStatus());
    assertEquals(1, row.getSequence());
  }

  @Test
  void commandWithoutCorrelationBeginsTheChain() {
    send("c1", new OpenAccount("Alice", "EUR"));
    assertEquals("c1", Messages.text(events.readRecord().headers(), "ce_correlationid"));
  }

  @Test
  void repeatGetsTheFirstOutcomeOnceMore() {
    send("c1", new OpenAccount("Alice", "EUR"));
    send("c2", new DepositMoney(5L, "EUR"));
    send("c2", new DepositMoney(5L, "EUR"));
    send("c3", new WithdrawMoney(9L, "EUR"));
    send("c3", new WithdrawMoney(9L, "EUR"));

    assertEquals(2, events.readRecordsToList().size());
    List<TestRecord<String, byte[]>> all = results.readRecordsToList();
    assertEquals(5, all.size());
    assertEquals(new Result("DepositMoney", true, 2L, 2L, "", ""), wire.decode(all.get(2).value()));
    assertEquals("true", Messages.text(all.get(2).headers(), Messages.REPEATED));
    Result rejected = (Result) wire.decode(all.get(4).value());
    assertFalse(rejected.getAccepted());
    assertEquals("insufficient-funds", rejected.getCode());
    assertEquals("true", Messages.text(all.get(4).headers(), Messages.REPEATED));
  }

  @Test
  void ringForgetsTheOldest() {
    send("open", new OpenAccount("Alice", "EUR"));
    for (int i = 0; i < Ring.SIZE; i++) {
      send("c" + i, new DepositMoney(1L, "EUR"));
    }
    results.readRecordsToList();
    send("c0", new DepositMoney(1L, "EUR"));
    assertEquals("true", Messages.text(results.readRecord().headers(), Messages.REPEATED));
    send("open", new OpenAccount("Alice", "EUR"));
    assertEquals("account-already-open", result().getCode());
  }

  @Test
  void anotherSequenceThanExpectedIsRejected() {
    send("c1", new OpenAccount("Alice", "EUR"), "ce_expectedsequence", "1");
    assertEquals("sequence-mismatch", result().getCode());
    send("c2", new OpenAccount("Alice", "EUR"), "ce_expectedsequence", "0");
    assertTrue(result().getAccepted());
  }

  @Test
  void unreadableCommandDoesNotStopTheLine() {
    commands.pipeInput("alice", new byte[] {7});
    send("c1", new OpenAccount("Alice", "EUR"));
    assertTrue(result().getAccepted());
  }

  @Test
  void commandWithoutIdIsSetAside() {
    send("", new OpenAccount("Alice", "EUR"));
    assertEquals("alice", letters.readRecord().key());
    assertTrue(events.isEmpty());
    send("c1", new OpenAccount("Alice", "EUR"));
    assertTrue(result().getAccepted());
  }

  @Test
  void stateIsTheFoldOfTheEvents() {
    send("c1", new OpenAccount("Alice", "EUR"));
    send("c2", new DepositMoney(5L, "EUR"));
    send("c3", new WithdrawMoney(2L, "EUR"));
    AccountRow folded = new AccountRow("", "", "", 0L, new java.util.ArrayList<>(), 0L, null);
    for (TestRecord<String, byte[]> event : events.readRecordsToList()) {
      Accounts.evolve(folded, wire.decode(event.value()));
    }
    AccountRow row = (AccountRow) driver.getKeyValueStore(AccountsTopology.STORE).get("alice");
    assertEquals(folded.getBalance(), row.getBalance());
    assertEquals(3L, row.getBalance());
  }
}
