/* fuzz/support/replay.c -- a fuzz target without libFuzzer: each file, and N simple mutants of it.
 *
 *     fuzz_NAME [-mutate N] FILE...
 * Ends as the target ends: a crash, a sanitizer's report, or the counts. With PS_LAST=PATH in the
 * environment every input is written there before it is tried: the last one is what broke. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 16 << 20, INPUT_SECONDS_MAX = 120 };

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Bytes changed, a piece taken out, or a piece said again. */
static size_t mutate(uint8_t *bytes, size_t n, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;

    for (uint64_t left = 1 + random_next(&state) % 3; left && n > 1; left--) {
        const size_t at = random_next(&state) % n, to = random_next(&state) % n;
        const size_t length = 1 + random_next(&state) % (n - (at > to ? at : to));
        switch (random_next(&state) % 4) {
        case 0: bytes[at] ^= (uint8_t)(1u << random_next(&state) % 8); break;
        case 1: bytes[at] = (uint8_t)random_next(&state); break;
        case 2:
            memmove(bytes + at, bytes + at + length, n - at - length);
            n -= length;
            break;
        default: memmove(bytes + to, bytes + at, length);
        }
    }
    return n;
}

static void keep(const uint8_t *bytes, size_t n)
{
    const char *const path = getenv("PS_LAST");
    FILE *const f = path ? fopen(path, "wb") : NULL;

    if (!f) return;
    if (fwrite(bytes, 1, n, f) != n) abort();
    fclose(f);
}

static bool file_try(const char *path, uint64_t n_mutants)
{
    FILE *const f = fopen(path, "rb");
    uint8_t *const bytes = malloc(FILE_BYTES_MAX);

    if (!f || !bytes) return false;
    const size_t n = fread(bytes, 1, FILE_BYTES_MAX, f);
    fclose(f);
    for (uint64_t i = 0; i <= n_mutants; i++) {
        uint8_t *const copy = malloc(n + 1); /* of this size: reading past it is seen */
        if (!copy) abort();
        memcpy(copy, bytes, n);
        const size_t n_copy = i ? mutate(copy, n, i) : n;
        keep(copy, n_copy);
        alarm(INPUT_SECONDS_MAX);
        LLVMFuzzerTestOneInput(copy, n_copy);
        free(copy);
    }
    free(bytes);
    return true;
}

int main(int argc, char **argv)
{
    uint64_t n_mutants = 0, failed = 0, passed = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-mutate") == 0 && i + 1 < argc) n_mutants = strtoull(argv[++i], 0, 10);
        else if (file_try(argv[i], n_mutants)) passed++;
        else failed++;
    }
    printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)passed,
           (unsigned long long)failed);
    return failed > 0;
}
