/* bench/limit/q1q6.c -- TPC-H Q1 and Q6 by hand over decoded columns: the yardstick of Gate A.
 *
 * What a person would write for exactly these queries and this data: no nulls, columns as plain
 * arrays (decimals as int64 cents, dates as int32 days, flags as one byte), two threads, no checks.
 * Reads what export_columns.py wrote; prints the best of the given number of runs in milliseconds.
 *
 *     cc -O3 -march=native -pthread bench/limit/q1q6.c -o build/q1q6
 *     build/q1q6 COLUMN_FOLDER [THREADS [RUNS]]
 *
 * A program of its own: nothing here uses the library. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 64, GROUPS = 8, BLOCK = 65536 };

typedef struct table {
    size_t n;
    const int64_t *quantity, *price, *discount, *tax;
    const int32_t *shipdate;
    const uint8_t *flag, *status; /* small codes */
} table;

typedef struct sums {
    int64_t n, quantity, price, discount;
    __int128 net, charge;
} sums;

typedef struct worker {
    const table *t;
    pthread_t thread;
    size_t from, to;
    sums groups[GROUPS];
    __int128 revenue;
} worker;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void *load(const char *folder, const char *name, size_t width, size_t *n)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.bin", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    const size_t bytes = (size_t)ftell(file);
    rewind(file);
    void *data = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!data || fread(data, 1, bytes, file) != bytes) {
        perror(path);
        exit(1);
    }
    fclose(file);
    *n = bytes / width;
    return data;
}

/* Two copies of the sums take turns, so that an add does not wait for the one before it. */
static void *q1_run(void *argument)
{
    enum { SHIPPED_BY = 10471 }; /* 1998-09-02 */
    worker *w = argument;
    const table *t = w->t;

    memset(w->groups, 0, sizeof(w->groups));
    for (size_t base = w->from; base < w->to; base += BLOCK) {
        int64_t n[2][GROUPS] = {{0}}, quantity[2][GROUPS] = {{0}}, price[2][GROUPS] = {{0}},
                discount[2][GROUPS] = {{0}}, net[2][GROUPS] = {{0}}, charge[2][GROUPS] = {{0}};
        const size_t end = base + BLOCK < w->to ? base + BLOCK : w->to;
        for (size_t i = base; i < end; i++) {
            const int64_t taken = -(int64_t)(t->shipdate[i] <= SHIPPED_BY);
            const unsigned g = (t->flag[i] * 2u + t->status[i]) & (GROUPS - 1), c = i & 1;
            const int64_t p = t->price[i] & taken, d = t->discount[i], v = p * (100 - d);
            n[c][g] -= taken;
            quantity[c][g] += t->quantity[i] & taken;
            price[c][g] += p;
            discount[c][g] += d & taken;
            net[c][g] += v;
            charge[c][g] += v * (100 + t->tax[i]);
        }
        for (int g = 0; g < GROUPS; g++)
            for (int c = 0; c < 2; c++) {
                w->groups[g].n += n[c][g];
                w->groups[g].quantity += quantity[c][g];
                w->groups[g].price += price[c][g];
                w->groups[g].discount += discount[c][g];
                w->groups[g].net += net[c][g];
                w->groups[g].charge += charge[c][g];
            }
    }
    return NULL;
}

static void *q6_run(void *argument)
{
    enum { FROM = 8766, BEFORE = 9131 }; /* 1994-01-01, 1995-01-01 */
    worker *w = argument;
    const table *t = w->t;

    w->revenue = 0;
    for (size_t base = w->from; base < w->to; base += BLOCK) {
        const size_t end = base + BLOCK < w->to ? base + BLOCK : w->to;
        int64_t sum = 0;
        for (size_t i = base; i < end; i++) {
            const int taken = (t->shipdate[i] >= FROM) & (t->shipdate[i] < BEFORE) &
                              (t->discount[i] >= 5) & (t->discount[i] <= 7) &
                              (t->quantity[i] < 2400);
            sum += taken ? t->price[i] * t->discount[i] : 0;
        }
        w->revenue += sum;
    }
    return NULL;
}

static double run(worker *workers, int n_threads, void *(*body)(void *))
{
    const double start = now_ms();
    for (int i = 1; i < n_threads; i++) pthread_create(&workers[i].thread, NULL, body, &workers[i]);
    body(&workers[0]);
    for (int i = 1; i < n_threads; i++) pthread_join(workers[i].thread, NULL);
    return now_ms() - start;
}

static void print_groups(const worker *workers, int n_threads)
{
    for (int g = 0; g < GROUPS; g++) {
        sums s = {0};
        for (int i = 0; i < n_threads; i++) {
            const sums *part = &workers[i].groups[g];
            s.n += part->n, s.quantity += part->quantity, s.price += part->price,
                s.discount += part->discount;
            s.net += part->net, s.charge += part->charge;
        }
        if (s.n)
            printf("  group %d: %lld rows, %.2f %.2f %.4f %.6f\n", g, (long long)s.n,
                   (double)s.quantity / 1e2, (double)s.price / 1e2, (double)s.net / 1e4,
                   (double)s.charge / 1e6);
    }
}

int main(int argc, char **argv)
{
    static worker workers[THREADS_MAX];
    const int n_threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2,
              runs = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 7;
    table t;
    double q1 = 1e9, q6 = 1e9;
    __int128 revenue = 0;

    if (argc < 2 || n_threads < 1 || n_threads > THREADS_MAX) {
        fprintf(stderr, "use: q1q6 COLUMN_FOLDER [THREADS [RUNS]]\n");
        return 2;
    }
    t.quantity = load(argv[1], "l_quantity", 8, &t.n);
    t.price = load(argv[1], "l_extendedprice", 8, &t.n);
    t.discount = load(argv[1], "l_discount", 8, &t.n);
    t.tax = load(argv[1], "l_tax", 8, &t.n);
    t.shipdate = load(argv[1], "l_shipdate", 4, &t.n);
    t.flag = load(argv[1], "l_returnflag", 1, &t.n);
    t.status = load(argv[1], "l_linestatus", 1, &t.n);
    for (int i = 0; i < n_threads; i++) {
        workers[i].t = &t;
        workers[i].from = t.n * (size_t)i / (size_t)n_threads;
        workers[i].to = t.n * (size_t)(i + 1) / (size_t)n_threads;
    }
    for (int r = 0; r < runs; r++) {
        const double a = run(workers, n_threads, q1_run), b = run(workers, n_threads, q6_run);
        q1 = a < q1 ? a : q1;
        q6 = b < q6 ? b : q6;
    }
    for (int i = 0; i < n_threads; i++) revenue += workers[i].revenue;
    print_groups(workers, n_threads);
    printf("q1 %.2f ms, q6 %.2f ms, revenue %.4f, %zu rows, %d threads\n", q1, q6,
           (double)revenue / 1e4, t.n, n_threads);
    return 0;
}
