package refold.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import refold.accounts.MoneyDeposited;
import refold.accounts.MoneyWithdrawn;

/** The registry's client, against a server that speaks as much of Confluent's API as it needs. */
final class RegistryTest {
  private final AtomicReference<String> registered = new AtomicReference<>("");
  private HttpServer server;
  private Registry registry;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    String deposited = MoneyDeposited.getClassSchema().toString();
    serve("/subjects/refold.accounts.MoneyDeposited/versions/latest", schema(deposited, 7));
    serve("/subjects/refold.accounts.MoneyWithdrawn/versions/latest", schema(deposited, 7));
    serve("/subjects/refold.peer.AccountRow/versions", "{\"id\":9}");
    serve("/schemas/ids/7", schema(deposited, 7));
    server.start();
    registry = Registry.at("http://127.0.0.1:" + server.getAddress().getPort());
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private static String schema(String text, int id) {
    return new ObjectMapper().createObjectNode().put("schema", text).put("id", id).toString();
  }

  private void serve(String path, String answer) {
    server.createContext(
        path,
        exchange -> {
          registered.set(new String(exchange.getRequestBody().readAllBytes(), "UTF-8"));
          Reads.answer(exchange, exchange.getRequestURI().getPath().equals(path) ? 200 : 404, answer);
        });
  }

  @Test
  void latestIsThatOfTheFullName() {
    assertEquals(7, registry.latest(MoneyDeposited.getClassSchema()));
  }

  @Test
  void anotherSchemaThanOnesOwnIsRefused() {
    assertThrows(IllegalStateException.class, () -> registry.latest(MoneyWithdrawn.getClassSchema()));
  }

  @Test
  void schemaThatIsMissingIsRefused() {
    assertThrows(IllegalStateException.class, () -> registry.byId(8));
  }

  @Test
  void schemaOfAnIdIsRead() {
    Schema schema = registry.byId(7);
    assertEquals(MoneyDeposited.getClassSchema().getFields(), schema.getFields());
  }

  @Test
  void ownSchemaIsRegistered() throws IOException {
    assertEquals(9, registry.own(AccountRow.getClassSchema()));
    String sent = new ObjectMapper().readTree(registered.get()).get("schema").asText();
    assertTrue(new Schema.Parser().parse(sent).getFullName().equals("refold.peer.AccountRow"), sent);
  }
}
