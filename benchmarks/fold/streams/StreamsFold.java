import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/** The same fold in Kafka Streams: groupByKey, aggregate into a KTable, to a topic. */
public class StreamsFold {
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static class Expert {
        public double loss;
        public long samples;
        public double previous_loss;
        public long[] slopes;
    }

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static class Insight {
        public String client_id;
        public Map<String, Expert> expert_insights;
        public double avg_loss;
        public long total_samples;
        public String domain;
        public long sequence;
        public long meta_version;
        public double created_at;
        public String schema_version;
    }

    public static class ExpertMemory {
        public long count;
        public double mean;
        public double ewma;
    }

    public static class Memory {
        public String domain;
        public String client_id;
        public Insight latest;
        public Map<String, ExpertMemory> experts = new TreeMap<>();
        public long accepted;

        Memory fold(Insight insight) {
            domain = insight.domain;
            client_id = insight.client_id;
            latest = insight;
            accepted++;
            for (Map.Entry<String, Expert> told : insight.expert_insights.entrySet()) {
                double loss = told.getValue().loss;
                ExpertMemory known = experts.get(told.getKey());
                if (known == null) {
                    known = new ExpertMemory();
                    known.ewma = loss;
                    experts.put(told.getKey(), known);
                }
                known.count++;
                known.mean += (loss - known.mean) / known.count;
                known.ewma += 0.2 * (loss - known.ewma);
            }
            return this;
        }
    }

    static final ObjectMapper JSON = new ObjectMapper();

    static <T> Serde<T> json(Class<T> type) {
        Serializer<T> serializer = (topic, value) -> {
            try {
                return value == null ? null : JSON.writeValueAsBytes(value);
            } catch (java.io.IOException error) {
                throw new IllegalStateException(error);
            }
        };
        Deserializer<T> deserializer = (topic, bytes) -> {
            try {
                return bytes == null ? null : JSON.readValue(bytes, type);
            } catch (java.io.IOException error) {
                throw new IllegalStateException(error);
            }
        };
        return Serdes.serdeFrom(serializer, deserializer);
    }

    /** Arguments: bootstrap servers, directory, input topic, output topic, cache bytes or 0. */
    public static void main(String[] args) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-streams");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[1]);
        settings.put("auto.offset.reset", "earliest");
        if (!args[4].equals("0")) {
            settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, args[4]);
        }
        AtomicLong done = new AtomicLong();
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(args[2], Consumed.with(Serdes.String(), json(Insight.class)))
            .groupByKey()
            .aggregate(Memory::new, (client, insight, memory) -> {
                done.incrementAndGet();
                return memory.fold(insight);
            }, Materialized.with(Serdes.String(), json(Memory.class)))
            .toStream()
            .to(args[3], Produced.with(Serdes.String(), json(Memory.class)));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        while (true) {
            System.out.println(done.get());
            Thread.sleep(50);
        }
    }
}
