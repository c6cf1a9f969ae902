/* Integer programs: list, matrix, state machine and CRC (core), a mix (integer), records and strings (dhry). */
#include "bench.h"

#include <string.h>

/* --- CRC-16 (polynomial 0xa001), bit by bit */

static uint16_t crc16(uint16_t crc, uint32_t value) {
    for (int bit = 0; bit < 16; bit++) {
        uint32_t low = (crc ^ value) & 1;
        crc >>= 1;
        value >>= 1;
        if (low) crc ^= 0xa001;
    }
    return crc;
}

/* --- a linked list */

struct node {
    struct node *next;
    int16_t key;
    int16_t data;
};

enum { NODES = 200 };
static struct node nodes[NODES];

static struct node *build_list(uint64_t seed) {
    for (int k = 0; k < NODES; k++) {
        nodes[k].key = (int16_t) (next_random(&seed) >> 50);
        nodes[k].data = (int16_t) k;
        nodes[k].next = k + 1 < NODES ? &nodes[k + 1] : NULL;
    }
    return nodes;
}

static struct node *find(struct node *list, int16_t data) {
    while (list && list->data != data) list = list->next;
    return list;
}

static struct node *reverse(struct node *list) {
    struct node *done = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static int by_key(const struct node *a, const struct node *b) {
    return a->key - b->key;
}

static int by_data(const struct node *a, const struct node *b) {
    return a->data - b->data;
}

static struct node *merge(struct node *a, struct node *b, int (*order)(const struct node *, const struct node *)) {
    struct node head, *tail = &head;
    while (a && b) {
        struct node **from = order(a, b) <= 0 ? &a : &b;
        tail->next = *from;
        tail = *from;
        *from = tail->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

/* Bottom-up: bin k holds a sorted list of 2^k nodes or nothing. */
static struct node *sort(struct node *list, int (*order)(const struct node *, const struct node *)) {
    struct node *bins[16] = {0};
    while (list) {
        struct node *one = list;
        list = list->next;
        one->next = NULL;
        int k = 0;
        for (; bins[k]; k++) {
            one = merge(bins[k], one, order);
            bins[k] = NULL;
        }
        bins[k] = one;
    }
    struct node *all = NULL;
    for (int k = 0; k < 16; k++) all = merge(bins[k], all, order);
    return all;
}

static uint16_t list_round(uint64_t seed) {
    uint16_t crc = 0;
    struct node *list = build_list(seed);
    for (int k = 0; k < 40; k++) {
        struct node *hit = find(list, (int16_t) (next_random(&seed) % (NODES + 20)));
        crc = crc16(crc, hit ? (uint16_t) hit->key : 0xffff);
        if (k % 8 == 0) list = reverse(list);
    }
    list = sort(list, by_key);
    for (struct node *n = list; n; n = n->next) crc = crc16(crc, (uint16_t) n->key);
    list = sort(list, by_data);
    return crc16(crc, (uint16_t) list->key);
}

/* --- matrices */

enum { SIDE = 20 };
static int16_t left[SIDE][SIDE], right[SIDE][SIDE];
static int32_t product[SIDE][SIDE];

static uint16_t matrix_round(uint64_t seed) {
    int16_t add = (int16_t) (seed & 15);
    uint16_t crc = 0;
    for (int r = 0; r < SIDE; r++) {
        for (int c = 0; c < SIDE; c++) left[r][c] = (int16_t) (left[r][c] + add);
    }
    for (int r = 0; r < SIDE; r++) {
        for (int c = 0; c < SIDE; c++) {
            int32_t sum = 0;
            for (int k = 0; k < SIDE; k++) sum += left[r][k] * right[k][c];
            product[r][c] = sum;
        }
    }
    for (int r = 0; r < SIDE; r++) {
        int32_t sum = 0;
        for (int c = 0; c < SIDE; c++) {
            int32_t x = product[r][c];
            sum += ((x >> 2) & 15) * ((x >> 5) & 127);
        }
        crc = crc16(crc, (uint32_t) sum);
    }
    for (int r = 0; r < SIDE; r++) {
        for (int c = 0; c < SIDE; c++) left[r][c] = (int16_t) (left[r][c] - add);
    }
    return crc;
}

/* --- a state machine that tells apart the words of a text */

enum state { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, POWER, BAD, STATES };
static const char words[][12] = {"512", "1234", "-874", "+122", "35.54", ".1234500", "-110.700", "+0.64400",
                                 "5.500e+3", "-.123e-2", "-87e+832", "+0.6e-12", "T0.3e-1F", "-T.T++Tq", "1T3.4e4z", "34.0e-T^"};
static char text[600];

static enum state step(enum state s, char c) {
    int digit = c >= '0' && c <= '9';
    switch (s) {
    case START: return digit ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : BAD;
    case SIGN: return digit ? WHOLE : c == '.' ? POINT : BAD;
    case WHOLE: return digit ? WHOLE : c == '.' ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case POINT: return digit ? FRACTION : BAD;
    case FRACTION: return digit ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT: return digit ? POWER : c == '+' || c == '-' ? EXPONENT_SIGN : BAD;
    case EXPONENT_SIGN:
    case POWER: return digit ? POWER : BAD;
    default: return BAD;
    }
}

static uint16_t state_round(uint64_t seed) {
    uint32_t ends[STATES] = {0}, moves[STATES] = {0};
    size_t at = seed % 97, stride = 3 + seed % 7;
    for (size_t k = at; text[k]; k += stride) text[k] ^= text[k] == ',' ? 0 : 1; /* spoil some */
    for (int pass = 0; pass < 2; pass++) {
        enum state s = START;
        for (const char *c = text; *c; c++) {
            if (*c == ',') {
                ends[s]++;
                s = START;
                continue;
            }
            enum state next = step(s, *c);
            if (next != s) moves[s]++;
            s = next;
        }
    }
    for (size_t k = at; text[k]; k += stride) text[k] ^= text[k] == ',' ? 0 : 1; /* and mend them */
    uint16_t crc = 0;
    for (int s = 0; s < STATES; s++) crc = crc16(crc16(crc, ends[s]), moves[s]);
    return crc;
}

static uint16_t crc_round(uint64_t seed) {
    uint16_t crc = (uint16_t) seed;
    for (uint32_t k = 0; k < 100; k++) crc = crc16(crc, k * 40503u + (uint32_t) seed);
    return crc;
}

void core_prepare(void) {
    uint64_t seed = 1;
    for (int r = 0; r < SIDE; r++) {
        for (int c = 0; c < SIDE; c++) {
            left[r][c] = (int16_t) (next_random(&seed) >> 56);
            right[r][c] = (int16_t) (next_random(&seed) >> 56);
        }
    }
    size_t at = 0;
    while (at < sizeof text - 20) {
        const char *word = words[next_random(&seed) >> 60];
        size_t length = strlen(word);
        memcpy(text + at, word, length);
        at += length;
        text[at++] = ',';
    }
    text[at] = 0;
}

#define ROUNDS(name, count)                                                                              \
    uint64_t name##_iteration(uint64_t i) {                                                              \
        uint64_t sum = 0;                                                                                \
        for (uint64_t k = 0; k < (count); k++) sum = sum * 31 + name##_round(OPAQUE(i % 64 * 1000 + k + 1)); \
        return sum;                                                                                      \
    }

ROUNDS(list, 20)
ROUNDS(matrix, 40)
ROUNDS(state, 80)
ROUNDS(crc, 150)

uint64_t core_iteration(uint64_t i) {
    uint64_t sum = 0;
    for (uint64_t k = 0; k < 8; k++) {
        uint64_t seed = OPAQUE(i % 64 * 1000 + k + 1);
        uint16_t crc = list_round(seed);
        crc = crc16(crc, matrix_round(seed ^ crc));
        crc = crc16(crc, state_round(seed ^ crc));
        crc = crc16(crc, crc_round(crc));
        sum = sum * 31 + crc;
    }
    return sum;
}

/* --- the integer mix */

static uint8_t composite[20000];
static uint32_t keys[2000];
static uint64_t table[4096];

static uint32_t sieve(uint32_t limit) {
    uint32_t primes = 0;
    memset(composite, 0, limit);
    for (uint32_t p = 2; p < limit; p++) {
        if (composite[p]) continue;
        primes++;
        for (uint32_t m = p * p; m < limit; m += p) composite[m] = 1;
    }
    return primes;
}

static void quicksort(uint32_t *a, int from, int to) {
    while (from < to) {
        uint32_t pivot = a[from + (to - from) / 2];
        int l = from, r = to;
        while (l <= r) {
            while (a[l] < pivot) l++;
            while (a[r] > pivot) r--;
            if (l <= r) {
                uint32_t t = a[l];
                a[l++] = a[r];
                a[r--] = t;
            }
        }
        quicksort(a, from, r);
        from = l;
    }
}

static uint64_t hash_round(uint64_t seed) {
    uint64_t probes = 0;
    memset(table, 0, sizeof table);
    for (int k = 0; k < 3000; k++) {
        uint64_t key = next_random(&seed) | 1;
        size_t slot = (key * 0x9e3779b97f4a7c15ull) >> 52;
        while (table[slot] && table[slot] != key) {
            slot = (slot + 1) % 4096;
            probes++;
        }
        table[slot] = key;
    }
    return probes;
}

static uint64_t gcds(uint64_t seed) {
    uint64_t sum = 0;
    for (int k = 0; k < 300; k++) {
        uint64_t a = next_random(&seed), b = next_random(&seed) | 1;
        while (b) {
            uint64_t r = a % b;
            a = b;
            b = r;
        }
        sum += a;
    }
    return sum;
}

static __attribute__((noinline)) uint64_t fibonacci(uint64_t n) {
    return n < 2 ? n : fibonacci(OPAQUE(n) - 1) + fibonacci(n - 2);
}

uint64_t integer_iteration(uint64_t i) {
    uint64_t seed = OPAQUE(i % 64 + 1), sum = sieve(sizeof composite);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) keys[k] = (uint32_t) (next_random(&seed) >> 32);
    quicksort(keys, 0, (int) (sizeof keys / sizeof *keys) - 1);
    sum = sum * 31 + keys[100];
    sum = sum * 31 + hash_round(seed);
    sum = sum * 31 + gcds(seed);
    return sum * 31 + fibonacci(OPAQUE(19ul));
}

/* --- records, strings and small procedures */

enum colour { RED, GREEN, BLUE, GREY, WHITE };

struct parcel {
    struct parcel *to;
    enum colour colour;
    int weight;
    int64_t stamp;
    char label[31];
};

static struct parcel here, there;
static int grid[50][50], line[50];
static char flag;
static int total;

static __attribute__((noinline)) enum colour shade(enum colour c, int deeper) {
    switch (c) {
    case RED: return deeper ? GREY : RED;
    case GREEN: return total > 100 ? RED : GREY;
    case BLUE: return GREEN;
    case GREY: return WHITE;
    default: return BLUE;
    }
}

static __attribute__((noinline)) void weigh(int a, int b, int *result) {
    *result = a + 2 + b;
}

static __attribute__((noinline)) void fill(int *row, int (*rows)[50], int at, int value) {
    int k = at + 5;
    row[k] = value;
    row[k + 1] = row[k];
    row[k + 30] = k;
    for (int c = k; c <= k + 1; c++) rows[k][c] = k;
    rows[k][k - 1]++;
    rows[k + 20][k] = row[k];
    total = 5;
}

static __attribute__((noinline)) int same_letter(char a, char b) {
    if (a != b) return 0;
    flag = a;
    return 1;
}

static __attribute__((noinline)) int later(const char *a, const char *b) {
    int k = 1;
    while (k <= 1) {
        if (!same_letter(a[k], b[k + 1])) k++;
        else break;
    }
    if (strcmp(a, b) > 0) {
        total = k + 7;
        return 1;
    }
    return 0;
}

static __attribute__((noinline)) void send(struct parcel *from) {
    struct parcel *to = from->to;
    *to = *from;
    from->weight = 5;
    to->weight = from->weight;
    to->to = from->to;
    if (to->colour == RED) {
        to->weight = 6;
        to->colour = shade(from->colour, from->weight > 3);
        weigh(to->weight, 10, &to->weight);
    } else {
        *from = *to;
        from->colour = RED;
    }
    from->stamp++;
}

void dhry_prepare(void) {
    here.to = &there;
    there.to = &there;
    here.colour = RED;
    here.weight = 40;
    strcpy(here.label, "SOME TEXT OF THIRTY LETTERS XX");
}

uint64_t dhry_iteration(uint64_t i) {
    char first[31], second[31];
    uint64_t sum = 0;
    dhry_prepare();
    strcpy(first, "SOME TEXT OF THIRTY LETTERS 1A");
    for (int k = 1; k <= 8000; k++) {
        int a = 2, b = 3, c = 0;
        strcpy(second, "SOME TEXT OF THIRTY LETTERS 2B");
        enum colour colour = GREEN;
        if (!later(OPAQUE(&first[0]), OPAQUE(&second[0]))) sum++;
        while (a < b) {
            c = 5 * a - b;
            weigh(a, b, &c);
            a++;
        }
        fill(line, grid, a, c);
        send(&here);
        for (char letter = 'A'; letter <= 'C'; letter++) {
            if (!same_letter(letter, 'C')) colour = shade(colour, (int) (i & 1) + k % 3);
        }
        b = b * a + (int) colour;
        a = b / (c | 1);
        b = 7 * (b - c) - a;
        sum = sum * 31 + (uint64_t) (uint32_t) b + (uint64_t) there.weight + (uint64_t) total;
    }
    return sum + (uint64_t) here.stamp;
}
