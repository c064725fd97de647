package refold.peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/** Where schemas have their IDs. */
interface Registry {
  /** Returns the ID of the latest schema of the record's subject, its full name. It must be the one given. */
  int latest(Schema schema);

  /** Registers a schema that only the peer has, such as that of a store's rows, and returns its ID. */
  int own(Schema schema);

  /** Returns the schema of an ID. */
  Schema byId(int id);

  /** Returns a client of a registry that speaks Confluent's API below the URL. */
  static Registry at(String url) {
    return new Registry() {
      private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();

      @Override
      public int latest(Schema schema) {
        JsonNode found = get("/subjects/" + schema.getFullName() + "/versions/latest");
        Schema registered = new Schema.Parser().parse(found.get("schema").asText());
        if (SchemaNormalization.parsingFingerprint64(registered)
            != SchemaNormalization.parsingFingerprint64(schema)) {
          throw new IllegalStateException("the registry has another schema of " + schema.getFullName());
        }
        return found.get("id").asInt();
      }

      @Override
      public int own(Schema schema) {
        String body = new ObjectMapper().createObjectNode().put("schema", schema.toString()).toString();
        return ask(
                to("/subjects/" + schema.getFullName() + "/versions")
                    .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                    .POST(HttpRequest.BodyPublishers.ofString(body)))
            .get("id")
            .asInt();
      }

      @Override
      public Schema byId(int id) {
        return new Schema.Parser().parse(get("/schemas/ids/" + id).get("schema").asText());
      }

      private JsonNode get(String path) {
        return ask(to(path));
      }

      private HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(url + path)).timeout(TIMEOUT);
      }

      private JsonNode ask(HttpRequest.Builder asked) {
        HttpRequest request = asked.build();
        try {
          HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
          if (answer.statusCode() != 200) {
            throw new IllegalStateException(request.uri() + ": " + answer.statusCode() + " " + answer.body());
          }
          return new ObjectMapper().readTree(answer.body());
        } catch (IOException e) {
          throw new IllegalStateException("asking the registry for " + request.uri(), e);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IllegalStateException("asking the registry for " + request.uri(), e);
        }
      }
    };
  }

  Duration TIMEOUT = Duration.ofSeconds(10);
}
