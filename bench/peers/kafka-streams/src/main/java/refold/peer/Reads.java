package refold.peer;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.Executors;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyQueryMetadata;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.state.HostInfo;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/** Serves GET /accounts/ID by interactive queries; an account of another instance is asked for there. */
final class Reads {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final String FORWARDED = "X-Forwarded-Read";

  private final KafkaStreams streams;
  private final HostInfo self;
  private final HttpServer server;
  private final HttpClient others = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  private Handler posts;

  /** Handles a request that is no read. */
  interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  Reads(KafkaStreams streams, int port) throws IOException {
    this.streams = streams;
    self = new HostInfo("127.0.0.1", port);
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 1024);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/accounts/", this::account);
    server.createContext(
        "/readyz", e -> answer(e, streams.state() == KafkaStreams.State.RUNNING ? 200 : 503, "{}"));
  }

  void serve(String path, Handler handler) {
    posts = handler;
  }

  void start() {
    server.start();
  }

  private void account(HttpExchange exchange) throws IOException {
    if (exchange.getRequestMethod().equals("POST") && posts != null) {
      posts.handle(exchange);
      return;
    }
    String key = exchange.getRequestURI().getPath().substring("/accounts/".length());
    KeyQueryMetadata where =
        streams.queryMetadataForKey(AccountsTopology.STORE, key, Serdes.String().serializer());
    if (where == null || where == KeyQueryMetadata.NOT_AVAILABLE) {
      answer(exchange, 503, "{\"title\":\"the partition is moving\"}");
    } else if (where.activeHost().equals(self) || exchange.getRequestHeaders().containsKey(FORWARDED)) {
      own(exchange, key);
    } else {
      forward(exchange, where.activeHost());
    }
  }

  private void own(HttpExchange exchange, String key) throws IOException {
    try {
      AccountRow row =
          streams
              .store(
                  StoreQueryParameters.fromNameAndType(
                      AccountsTopology.STORE, QueryableStoreTypes.<String, AccountRow>keyValueStore()))
              .get(key);
      if (row == null || row.getSequence() == 0) {
        answer(exchange, 404, "{\"title\":\"no such account\"}");
      } else {
        answer(exchange, 200, "{\"id\":\"" + key + "\",\"sequence\":" + row.getSequence() + ",\"state\":" + state(row) + "}");
      }
    } catch (InvalidStateStoreException e) {
      answer(exchange, 503, "{\"title\":\"the partition is moving\"}");
    }
  }

  private static String state(AccountRow row) {
    AccountRow shown = AccountRow.newBuilder(row).setRecent(java.nio.ByteBuffer.allocate(0)).build();
    return shown.toString();
  }

  private void forward(HttpExchange exchange, HostInfo host) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create("http://" + host.host() + ":" + host.port() + exchange.getRequestURI().getPath()))
            .timeout(PATIENCE)
            .header(FORWARDED, "true")
            .build();
    try {
      HttpResponse<String> answer = others.send(request, HttpResponse.BodyHandlers.ofString());
      answer(exchange, answer.statusCode(), answer.body());
    } catch (IOException e) {
      answer(exchange, 503, "{\"title\":\"the owner does not answer\"}");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      answer(exchange, 503, "{\"title\":\"stopping\"}");
    }
  }

  static void answer(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = Messages.bytes(body);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  /** Returns a record as JSON. */
  static String json(SpecificRecord record) {
    return record.toString();
  }
}
