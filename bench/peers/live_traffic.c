// Traffic for live.sh: sends millions of small frames a second out of one interface, or counts and drops what arrives at one. Linux, root, no libraries.
//
//   gcc -O2 -o live_traffic live_traffic.c
//   live_traffic send  IF SECONDS PPS udp|syn SOURCE SOURCES PORTS DESTINATION PORT MAC     frames from SOURCES addresses (from SOURCE on) and PORTS source ports
//   live_traffic count IF SECONDS                                                         packets that came in
//   live_traffic drop  IF                                                                 drops what UDP arrives over IPv4, until killed; prints "dropping" once it does
//
// Frames are made by an XDP program that the kernel runs on frames of its own (BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES) and that redirects each to the interface: no
// system call, no copy, no socket a packet. The program draws the source's address and port at random. Checksums stay right without being computed: whatever
// is added to one field is taken from another (the address from the IP identification, address and port from TCP's sequence number), so that the sum does not change.
// SOURCES and PORTS are powers of two, up to 65,536.
//
// Count stands in the driver (XDP). Drop stands behind it (tcx, Linux 6.6): a veth whose other end has an XDP program copies frames that a socket sent, at the sender's cost. A rule of nftables at the
// same place took some 80 ns more a frame, which a veth's sender pays too.
//
// Each such run has the kernel take the program into its dispatcher and out again, and wait for all processors both times: 30 ms on a busy machine, so 1,024 frames a call were 30,000 a second, whatever
// rate was asked for. A program that is attached to some interface is in the dispatcher already: ours is, to a TAP of its own, which is down and goes with the process.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 60, ETHERNET = 14, IP = 20, RANDOM = BPF_FUNC_get_prandom_u32, REDIRECT = BPF_FUNC_redirect, LOOKUP = BPF_FUNC_map_lookup_elem };

static struct bpf_insn code[128];
static int length;

static int emit(uint8_t op, int dst, int src, int off, int imm) {
    code[length] = (struct bpf_insn){.code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
    return length++;
}
static void move(int dst, int src) { emit(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0); }
static void set(int dst, int value) { emit(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value); }
static void add(int dst, int value) { emit(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value); }
static void both(int dst, int mask) { emit(BPF_ALU64 | BPF_AND | BPF_K, dst, 0, 0, mask); }
static void invert(int dst) { emit(BPF_ALU64 | BPF_XOR | BPF_K, dst, 0, 0, 0xFFFF); }
static void big_endian_16(int dst) { emit(BPF_ALU | BPF_END | BPF_TO_BE, dst, 0, 0, 16); }
static void load(int dst, int src, int off) { emit(BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0); }
static void store16(int dst, int off, int src) { emit(BPF_STX | BPF_MEM | BPF_H, dst, src, off, 0); }
static void store32(int dst, int off, int value) { emit(BPF_ST | BPF_MEM | BPF_W, dst, 0, off, value); }
static void call(int function) { emit(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
static void leave(void) { emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

static void fail(const char *what) {
    fprintf(stderr, "live_traffic: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int bpf(int command, union bpf_attr *attributes) { return syscall(SYS_bpf, command, attributes, sizeof *attributes); }

static int program(int type) {
    static char log[1 << 16];
    union bpf_attr a = {.prog_type = type, .insns = (uintptr_t)code, .insn_cnt = length, .license = (uintptr_t)"GPL", .log_buf = (uintptr_t)log, .log_size = sizeof log, .log_level = 1};
    int fd = bpf(BPF_PROG_LOAD, &a);
    if (fd < 0) {
        fprintf(stderr, "%s\n", log);
        fail("the program was refused");
    }
    return fd;
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint16_t checksum(const uint8_t *bytes, int count, uint32_t sum) {
    for (int i = 0; i < count; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    return ~sum;
}

static void put16(uint8_t *to, unsigned value) {
    to[0] = value >> 8;
    to[1] = value;
}

struct request {
    int is_syn, sources, ports;
    uint32_t source, destination;
    unsigned port;
    uint8_t mac[6];
};

// A frame whose random fields are all ones' complement zero: 0 where the program adds, 0xFFFF where it takes away.
static void frame(const struct request *r, uint8_t *f) {
    memset(f, 0, FRAME);
    memcpy(f, r->mac, 6);
    memcpy(f + 6, (uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
    put16(f + 12, 0x0800);
    uint8_t *ip = f + ETHERNET, *l4 = ip + IP;
    ip[0] = 0x45;
    put16(ip + 2, FRAME - ETHERNET);
    put16(ip + 4, 0xFFFF);
    ip[8] = 64;
    ip[9] = r->is_syn ? 6 : 17;
    memcpy(ip + 12, &r->source, 4);
    memcpy(ip + 16, &r->destination, 4);
    put16(ip + 10, checksum(ip, IP, 0));
    put16(l4 + 2, r->port);
    int size = FRAME - ETHERNET - IP;
    if (!r->is_syn) {
        put16(l4 + 4, size);    // UDP without checksum
        return;
    }
    put16(l4 + 4, 0xFFFF);
    put16(l4 + 6, 0xFFFF);
    l4[12] = 0x50;
    l4[13] = 2;
    put16(l4 + 14, 64000);
    uint32_t pseudo = 6 + size;
    for (int i = 12; i < 20; i += 2) pseudo += ip[i] << 8 | ip[i + 1];
    put16(l4 + 16, checksum(l4, size, pseudo));
}

static int sender(const struct request *r, int to, const uint8_t *f) {
    int words[FRAME / 4], ip = ETHERNET, l4 = ETHERNET + IP;
    memcpy(words, f, FRAME);
    move(6, 1);
    load(7, 6, offsetof(struct xdp_md, data));
    load(8, 6, offsetof(struct xdp_md, data_end));
    move(2, 7);
    add(2, FRAME);
    int end = emit(BPF_JMP | BPF_JGT | BPF_X, 2, 8, 0, 0);
    for (int i = 0; i < FRAME / 4; i++) store32(7, i * 4, words[i]);    // what received the frame before may have written on it
    call(RANDOM);
    both(0, r->sources - 1);
    move(2, 0);
    add(2, ntohl(r->source) & 0xFFFF);
    big_endian_16(2);
    store16(7, ip + 14, 2);
    move(3, 0);
    invert(3);
    big_endian_16(3);
    store16(7, ip + 4, 3);
    if (r->is_syn) store16(7, l4 + 4, 3);
    call(RANDOM);
    both(0, r->ports - 1);
    move(2, 0);
    big_endian_16(2);
    store16(7, l4, 2);
    if (r->is_syn) {
        invert(0);
        big_endian_16(0);
        store16(7, l4 + 6, 0);
    }
    set(1, to);
    set(2, 0);
    call(REDIRECT);
    leave();
    code[end].off = length - end - 1;
    set(0, XDP_DROP);
    leave();
    return program(BPF_PROG_TYPE_XDP);
}

// Keeps the program in the kernel's dispatcher, until this process ends.
static void keep_dispatched(int fd) {
    struct ifreq tap = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (device >= 0 && ioctl(device, TUNSETIFF, &tap) == 0) {
        union bpf_attr l = {.link_create = {.prog_fd = fd, .target_ifindex = if_nametoindex(tap.ifr_name), .attach_type = BPF_XDP, .flags = 1 << 1}};
        if (bpf(BPF_LINK_CREATE, &l) >= 0) return;
    }
    fprintf(stderr, "live_traffic: no TAP to attach the program to (%s), so the rate may not be reached\n", strerror(errno));
}

static int send_frames(int to, double seconds, double rate, const struct request *r) {
    uint8_t f[FRAME];
    frame(r, f);
    int fd = sender(r, to, f);
    keep_dispatched(fd);
    double least = rate <= 0 || rate > 64 * 500 ? 64 : rate < 500 ? 1 : rate / 500;    // frames a call: every 2 ms, and whole batches above 32,000 a second
    double begin = now(CLOCK_MONOTONIC), elapsed = 0;
    long sent = 0;
    while (elapsed < seconds) {
        double due = rate > 0 ? elapsed * rate - sent : 1 << 15;
        if (due < least) {
            usleep(1 + (least - due) / rate * 1e6);
        } else {
            // With a rate, in bursts of a quarter of what a veth's queue takes. Who was held up makes up for it, but with a pause after each burst, in which the kernel may empty that queue:
            // else he loses his own frames there. (Bursts of 128 and giving way to others in between, sched_yield, lost 60 times as many.)
            int repeat = rate > 0 && due > 64 ? 64 : due;
            if (rate > 0 && due > 128) usleep(50);
            union bpf_attr a = {.test = {.prog_fd = fd, .data_in = (uintptr_t)f, .data_size_in = FRAME, .repeat = repeat, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64}};
            if (bpf(BPF_PROG_TEST_RUN, &a) < 0) fail("sending");
            sent += repeat;
        }
        elapsed = now(CLOCK_MONOTONIC) - begin;
    }
    printf("sent %ld seconds %.3f cpu %.3f\n", sent, elapsed, now(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}

static int count_frames(const char *name, double seconds) {
    union bpf_attr m = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
    int map = bpf(BPF_MAP_CREATE, &m);
    if (map < 0) fail("a map");
    store32(10, -4, 0);
    emit(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map);
    emit(0, 0, 0, 0, 0);
    move(2, 10);
    add(2, -4);
    call(LOOKUP);
    int absent = emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0);
    set(1, 1);
    emit(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD);
    code[absent].off = length - absent - 1;
    set(0, XDP_DROP);
    leave();
    union bpf_attr l = {.link_create = {.prog_fd = program(BPF_PROG_TYPE_XDP), .target_ifindex = if_nametoindex(name), .attach_type = BPF_XDP, .flags = 1 << 2}};
    if (bpf(BPF_LINK_CREATE, &l) < 0) fail(name);
    double begin = now(CLOCK_MONOTONIC);
    while (now(CLOCK_MONOTONIC) - begin < seconds) usleep(10000);
    uint32_t key = 0;
    uint64_t value = 0;
    union bpf_attr q = {.map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)&value};
    if (bpf(BPF_MAP_LOOKUP_ELEM, &q) < 0) fail("the count");
    printf("received %lu\n", value);
    return 0;
}

static int drop_frames(const char *name) {
    enum { PASS = -1, SHOT = 2, TCX_INGRESS = 46 };
    move(6, 1);    // where loads of packet bytes look for the packet
    load(1, 6, offsetof(struct __sk_buff, protocol));
    set(0, PASS);
    int other = emit(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 0, htons(0x0800));
    emit(BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, ETHERNET + 9);
    move(1, 0);
    set(0, PASS);
    int not_udp = emit(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 0, 17);
    set(0, SHOT);
    code[other].off = length - other - 1;
    code[not_udp].off = length - not_udp - 1;
    leave();
    union bpf_attr l = {.link_create = {.prog_fd = program(BPF_PROG_TYPE_SCHED_CLS), .target_ifindex = if_nametoindex(name), .attach_type = TCX_INGRESS}};
    if (bpf(BPF_LINK_CREATE, &l) < 0) fail(name);
    puts("dropping");
    fflush(stdout);
    for (;;) pause();
}

int main(int count, char **words) {
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    if (count == 4 && strcmp(words[1], "count") == 0) return count_frames(words[2], atof(words[3]));
    if (count == 3 && strcmp(words[1], "drop") == 0) return drop_frames(words[2]);
    struct request r = {0};
    if (count == 12 && strcmp(words[1], "send") == 0) {
        r.is_syn = strcmp(words[5], "syn") == 0;
        r.sources = atoi(words[7]);
        r.ports = atoi(words[8]);
        r.port = atoi(words[10]);
        unsigned char *m = r.mac;
        int to = if_nametoindex(words[2]);
        if (to != 0 && inet_pton(AF_INET, words[6], &r.source) == 1 && inet_pton(AF_INET, words[9], &r.destination) == 1
            && sscanf(words[11], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) == 6
            && r.sources > 0 && (r.sources & (r.sources - 1)) == 0 && r.ports > 0 && (r.ports & (r.ports - 1)) == 0)
            return send_frames(to, atof(words[3]), atof(words[4]), &r);
    }
    fprintf(stderr, "usage: live_traffic send IF SECONDS PPS udp|syn SOURCE SOURCES PORTS DESTINATION PORT MAC\n       live_traffic count IF SECONDS\n       live_traffic drop IF\nSOURCES and PORTS are powers of two.\n");
    return 2;
}
