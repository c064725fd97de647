package refold.peer;

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;

/**
 * Runs the accounts, or the bare work, until it is asked to end.
 *
 * <p>Arguments: --work accounts|count --brokers HOST:PORT --prefix P --state-dir DIR, and --registry URL for accounts;
 * --http-port N serves reads; --post true takes commands over HTTP, too. {@link Settings} has the others.
 */
public final class Main {
  private static final Duration STOP_WITHIN = Duration.ofSeconds(30);

  private Main() {}

  public static void main(String[] args) throws Exception {
    Arguments a = new Arguments(args);
    String prefix = a.text("prefix", "");
    boolean accounts = a.text("work", "accounts").equals("accounts");
    Wire wire = accounts ? new Wire(Registry.at(a.text("registry", "http://localhost:8081"))) : null;
    Topology topology = accounts ? AccountsTopology.of(prefix, wire) : CountTopology.of(prefix);
    Properties settings = Settings.of(a, prefix + (accounts ? "accounts" : "count"));
    KafkaStreams streams = new KafkaStreams(topology, settings);
    Reads reads = accounts && a.has("http-port") ? new Reads(streams, (int) a.number("http-port", 0)) : null;
    Commands commands =
        reads != null && a.has("post") ? new Commands(a.text("brokers", ""), prefix, wire) : null;
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  // Leaving the group lets others take over at once, instead of after the session's time-out.
                  streams.close(
                      CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
                          .withTimeout(STOP_WITHIN));
                  Runtime.getRuntime().halt(0); // the JVM would exit with 143 for a clean stop
                }));
    streams.setUncaughtExceptionHandler(
        e -> {
          e.printStackTrace();
          return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler
              .StreamThreadExceptionResponse.REPLACE_THREAD;
        });
    streams.start();
    if (commands != null) {
      reads.serve("/accounts/", commands::serve);
      commands.start();
    }
    if (reads != null) {
      reads.start();
    }
    Thread.currentThread().join();
  }
}
