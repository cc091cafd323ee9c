/*
 * DPDK's packet classifier (rte_acl) on ClassBench files, as a peer of `dataplane bench --rules --headers`.
 *
 *   rte_acl RULES HEADERS SECONDS OUT
 *
 * Builds one context from the rules, first line with the highest priority, and classifies all headers with each method that this processor has, 256 at a time, until
 * SECONDS of processor time are used. Writes the 1-based number of each header's first matching rule to OUT (0 for none) and prints
 *
 *   build MILLISECONDS BYTES
 *   method NAME MILLION-LOOKUPS-PER-CPU-SECOND
 *
 * Times are of this thread's processor clock. No huge pages, no network device and no privileges are needed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_vect.h>

#define BATCH 256

/* Fields in network order, the way rte_acl reads them: one byte first, then groups of four. */
struct header {
    uint8_t protocol;
    uint8_t unused[3];
    uint32_t source;
    uint32_t destination;
    uint16_t source_port;
    uint16_t destination_port;
};

enum { PROTOCOL, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, FIELDS };

static const struct rte_acl_field_def layout[FIELDS] = {
    [PROTOCOL] = { RTE_ACL_FIELD_TYPE_BITMASK, 1, PROTOCOL, 0, offsetof(struct header, protocol) },
    [SOURCE] = { RTE_ACL_FIELD_TYPE_MASK, 4, SOURCE, 1, offsetof(struct header, source) },
    [DESTINATION] = { RTE_ACL_FIELD_TYPE_MASK, 4, DESTINATION, 2, offsetof(struct header, destination) },
    [SOURCE_PORT] = { RTE_ACL_FIELD_TYPE_RANGE, 2, SOURCE_PORT, 3, offsetof(struct header, source_port) },
    [DESTINATION_PORT] = { RTE_ACL_FIELD_TYPE_RANGE, 2, DESTINATION_PORT, 3, offsetof(struct header, destination_port) },
};

RTE_ACL_RULE_DEF(five_tuple_rule, FIELDS);

static void die(const char *what, const char *file)
{
    fprintf(stderr, "rte_acl: %s: %s\n", file, what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t allocated(void)
{
    struct rte_malloc_socket_stats stats;
    return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

static uint32_t read_rules(const char *file, struct five_tuple_rule **out)
{
    FILE *in = fopen(file, "r");
    if (in == NULL)
        die("cannot be read", file);

    struct five_tuple_rule *rules = NULL;
    uint32_t count = 0, room = 0;
    char line[512];
    while (fgets(line, sizeof line, in) != NULL) {
        unsigned s[5], d[5], source_ports[2], destination_ports[2], protocol, mask;
        if (sscanf(line, " @%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x",
                   &s[0], &s[1], &s[2], &s[3], &s[4], &d[0], &d[1], &d[2], &d[3], &d[4],
                   &source_ports[0], &source_ports[1], &destination_ports[0], &destination_ports[1], &protocol, &mask) != 16)
            die("a line is not a rule", file);

        if (count == room) {
            room = room == 0 ? 1024 : room * 2;
            rules = realloc(rules, room * sizeof *rules);
        }

        struct five_tuple_rule *rule = &rules[count];
        memset(rule, 0, sizeof *rule);
        rule->data.category_mask = 1;
        rule->data.priority = RTE_ACL_MAX_PRIORITY - (int32_t)count;
        rule->data.userdata = ++count;
        rule->field[PROTOCOL].value.u8 = (uint8_t)(protocol & mask);
        rule->field[PROTOCOL].mask_range.u8 = (uint8_t)mask;
        rule->field[SOURCE].value.u32 = s[0] << 24 | s[1] << 16 | s[2] << 8 | s[3];
        rule->field[SOURCE].mask_range.u32 = s[4];
        rule->field[DESTINATION].value.u32 = d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3];
        rule->field[DESTINATION].mask_range.u32 = d[4];
        rule->field[SOURCE_PORT].value.u16 = (uint16_t)source_ports[0];
        rule->field[SOURCE_PORT].mask_range.u16 = (uint16_t)source_ports[1];
        rule->field[DESTINATION_PORT].value.u16 = (uint16_t)destination_ports[0];
        rule->field[DESTINATION_PORT].mask_range.u16 = (uint16_t)destination_ports[1];
    }

    fclose(in);
    *out = rules;
    return count;
}

static uint32_t read_headers(const char *file, struct header **out)
{
    FILE *in = fopen(file, "r");
    if (in == NULL)
        die("cannot be read", file);

    struct header *headers = NULL;
    uint32_t count = 0, room = 0;
    char line[512];
    while (fgets(line, sizeof line, in) != NULL) {
        uint32_t source, destination;
        unsigned source_port, destination_port, protocol;
        if (sscanf(line, "%" SCNu32 " %" SCNu32 " %u %u %u", &source, &destination, &source_port, &destination_port, &protocol) != 5)
            die("a line is not a header", file);

        if (count == room) {
            room = room == 0 ? 1024 : room * 2;
            headers = realloc(headers, room * sizeof *headers);
        }

        headers[count++] = (struct header){
            .protocol = (uint8_t)protocol,
            .source = htonl(source),
            .destination = htonl(destination),
            .source_port = htons((uint16_t)source_port),
            .destination_port = htons((uint16_t)destination_port),
        };
    }

    fclose(in);
    *out = headers;
    return count;
}

static void classify_all(const struct rte_acl_ctx *context, const uint8_t **places, uint32_t *results, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += BATCH)
        rte_acl_classify(context, places + i, results + i, count - i < BATCH ? count - i : BATCH, 1);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "rte_acl RULES HEADERS SECONDS OUT\n");
        return 2;
    }

    char *eal[] = { argv[0], "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=4", "-m", "2048", NULL };
    if (rte_eal_init(8, eal) < 0)
        die("DPDK does not start", argv[0]);

    rte_vect_set_max_simd_bitwidth(512);
    struct five_tuple_rule *rules;
    struct header *headers;
    uint32_t rule_count = read_rules(argv[1], &rules), count = read_headers(argv[2], &headers);
    if (rule_count == 0 || count == 0)
        die("it is empty", rule_count == 0 ? argv[1] : argv[2]);

    struct rte_acl_param param = { .name = "peer", .socket_id = SOCKET_ID_ANY, .rule_size = RTE_ACL_RULE_SZ(FIELDS), .max_rule_num = rule_count };
    struct rte_acl_config config = { .num_categories = 1, .num_fields = FIELDS };
    memcpy(config.defs, layout, sizeof layout);
    struct rte_acl_ctx *context = rte_acl_create(&param);
    if (context == NULL || rte_acl_add_rules(context, (struct rte_acl_rule *)rules, rule_count) != 0)
        die("the rules do not fit", argv[1]);

    size_t bytes = allocated();
    double begin = cpu_seconds();
    if (rte_acl_build(context, &config) != 0)
        die("the rules cannot be built", argv[1]);

    printf("build %.1f %zu\n", (cpu_seconds() - begin) * 1e3, allocated() - bytes);

    const uint8_t **places = malloc(count * sizeof *places);
    uint32_t *results = malloc(count * sizeof *results);
    for (uint32_t i = 0; i < count; i++)
        places[i] = (const uint8_t *)&headers[i];

    static const struct { const char *name; enum rte_acl_classify_alg method; } methods[] = {
        { "sse", RTE_ACL_CLASSIFY_SSE },
        { "avx2", RTE_ACL_CLASSIFY_AVX2 },
        { "avx512x16", RTE_ACL_CLASSIFY_AVX512X16 },
        { "avx512x32", RTE_ACL_CLASSIFY_AVX512X32 },
    };
    double seconds = atof(argv[3]);
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        if (rte_acl_set_ctx_classify(context, methods[m].method) != 0)
            continue;

        classify_all(context, places, results, count);
        uint64_t done = 0;
        double took;
        begin = cpu_seconds();
        do {
            classify_all(context, places, results, count);
            done += count;
            took = cpu_seconds() - begin;
        } while (took < seconds);

        printf("method %s %.2f\n", methods[m].name, (double)done / took / 1e6);
    }

    FILE *out = fopen(argv[4], "w");
    if (out == NULL)
        die("cannot be written", argv[4]);

    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%" PRIu32 "\n", results[i]);

    return fclose(out) == 0 ? 0 : 1;
}
