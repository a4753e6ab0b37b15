import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.common.utils.Bytes;

/**
 * Counts JSON events by ten-second window and activity, exactly once, on two threads.
 *
 * <p>Arguments: bootstrap servers, input topic, output topic, state folder, earliest or latest. The grace period is a
 * day: threads run through the partitions at their own pace, so that event time is not in order behind the repartition.
 */
public final class CountByWindow {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long WINDOW_MS = 10_000;
    private static final int SHIFT = 20;

    private CountByWindow() {}

    /** Runs until the process is ended. */
    public static void main(String[] arguments) throws Exception {
        KafkaStreams streams = new KafkaStreams(topology(arguments[1], arguments[2]).build(), settings(arguments));
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(Duration.ofSeconds(5));
            ended.countDown();
        }));
        streams.start();
        ended.await();
    }

    private static StreamsBuilder topology(String input, String output) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())
                        .withTimestampExtractor((record, time) -> created((byte[]) record.value()) / 1_000_000))
                .map((key, value) -> {
                    JsonNode event = parse(value);
                    return KeyValue.pair(event.get("gt").asText(), event.get("Creation_Time").asLong());
                })
                .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
                .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(WINDOW_MS), Duration.ofDays(1)))
                .aggregate(
                        () -> "0,0",
                        (gt, created, sum) -> {
                            int comma = sum.indexOf(',');
                            long n = Long.parseLong(sum.substring(0, comma)) + 1;
                            long newest = Math.max(created, Long.parseLong(sum.substring(comma + 1)));
                            return n + "," + newest;
                        },
                        Materialized.<String, String, WindowStore<Bytes, byte[]>>as("counts")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(Serdes.String())
                                .withRetention(Duration.ofDays(2)))
                .toStream()
                .map((window, sum) -> {
                    int comma = sum.indexOf(',');
                    String value = "{\"start\":" + window.window().start() / 1000 + ",\"gt\":\"" + window.key()
                            + "\",\"n\":" + sum.substring(0, comma) + ",\"newest\":" + sum.substring(comma + 1) + "}";
                    return KeyValue.pair(window.key(), value);
                })
                .to(output, Produced.with(Serdes.String(), Serdes.String()));
        return builder;
    }

    private static Properties settings(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + arguments[2]);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[3]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), arguments[4]);
        return settings;
    }

    private static JsonNode parse(byte[] value) {
        try {
            return JSON.readTree(value);
        } catch (java.io.IOException error) {
            throw new IllegalArgumentException(new String(value, StandardCharsets.UTF_8), error);
        }
    }

    /** Finds the time without reading the whole text a second time. */
    private static long created(byte[] value) {
        byte[] name = "\"Creation_Time\":".getBytes(StandardCharsets.US_ASCII);
        for (int at = SHIFT; at < value.length - name.length; at++) {
            int matched = 0;
            while (matched < name.length && value[at + matched] == name[matched]) {
                matched++;
            }
            if (matched == name.length) {
                long number = 0;
                for (int digit = at + matched; value[digit] >= '0' && value[digit] <= '9'; digit++) {
                    number = number * 10 + value[digit] - '0';
                }
                return number;
            }
        }
        throw new IllegalArgumentException("an event without Creation_Time");
    }
}
