import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.transport.Netty4ModulePlugin;

/**
 * An OpenSearch of one node, made of the jars on the class path. The server that is distributed does the same,
 * with plugins from folders, checks of the machine, and a sandbox, which a test needs not.
 *
 * Arguments: the folder of its data, the port of HTTP, the port of the transport.
 */
public final class SearchNode extends Node {
    private SearchNode(Environment environment, Collection<PluginInfo> plugins) {
        super(environment, plugins, true);
    }

    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]);
        Path config = Files.createDirectories(home.resolve("config"));
        Settings settings = Settings.builder()
            .put("cluster.name", "refold")
            .put("path.home", home.toString())
            .put("path.data", home.resolve("data").toString())
            .put("network.host", "127.0.0.1")
            .put("http.port", args[1])
            .put("transport.port", args[2])
            .put("discovery.type", "single-node")
            // Tests make many small indices, also on a disk that is nearly full.
            .put("cluster.max_shards_per_node", 10_000)
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        String netty = Netty4ModulePlugin.class.getName();
        PluginInfo transport = new PluginInfo(
            netty, "on the class path", "1", Version.CURRENT, "21", netty, null, List.of(), false);
        Node node = new SearchNode(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "node"),
            List.of(transport));
        node.start();
        CountDownLatch ended = new CountDownLatch(1); // all threads of the node are daemons
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
            ended.countDown();
        }));
        ended.await();
    }
}
