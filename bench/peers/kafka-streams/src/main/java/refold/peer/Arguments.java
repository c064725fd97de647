package refold.peer;

import java.util.HashMap;
import java.util.Map;

/** A program's arguments: --name value. */
final class Arguments {
  private final Map<String, String> values = new HashMap<>();

  Arguments(String... args) {
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--") || i + 1 == args.length) {
        throw new IllegalArgumentException("arguments are pairs of --name and value; found " + args[i]);
      }
      values.put(args[i].substring(2), args[i + 1]);
    }
  }

  String text(String name, String otherwise) {
    return values.getOrDefault(name, otherwise);
  }

  long number(String name, long otherwise) {
    String value = values.get(name);
    return value == null ? otherwise : Long.parseLong(value);
  }

  boolean has(String name) {
    return values.containsKey(name);
  }
}
