/* tests/runner/lost.c -- see lost.h. */
#include "lost.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* Of the address sanitizer; absent in other builds. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

long lost_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    long n = 0;

    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < n; i++) hash = (hash ^ at[i]) * 1099511628211u; /* FNV-1a */
    return hash;
}

uint64_t lost_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    uint64_t sum = 0; /* the order of entries means nothing */

    while (dir && (entry = readdir(dir))) {
        struct stat st;
        uint64_t hash = mix(14695981039346656037u, entry->d_name, strlen(entry->d_name));

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        hash = mix(hash, &st.st_ino, sizeof st.st_ino);
        hash = mix(hash, &st.st_size, sizeof st.st_size);
        sum += mix(hash, &st.st_mtim, sizeof st.st_mtim);
    }
    if (dir) closedir(dir);
    return sum;
}

bool lost_memory(void)
{
    return __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0;
}
