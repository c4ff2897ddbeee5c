/* tests/runner/lost.c -- see lost.h. */
#include "lost.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8 };

/* Of the address sanitizer; absent in other builds. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static long n_entries(const char *path)
{
    DIR *dir = opendir(path);
    long n = 0;

    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n;
}

long lost_descriptors(void) { return n_entries("/proc/self/fd"); }
long lost_threads(void) { return n_entries("/proc/self/task"); }

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < n; i++) hash = (hash ^ at[i]) * 1099511628211u; /* FNV-1a */
    return hash;
}

static uint64_t folder_sum(int at, const char *path, int depth)
{
    const int fd = depth < DEPTH_MAX ? openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    uint64_t sum = 0; /* the order of entries means nothing */

    while (dir && (entry = readdir(dir))) {
        struct stat st;
        uint64_t hash = mix(14695981039346656037u, entry->d_name, strlen(entry->d_name));

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISDIR(st.st_mode)) {
            const uint64_t inner = folder_sum(fd, entry->d_name, depth + 1);
            sum += mix(hash, &inner, sizeof inner);
            continue;
        }
        hash = mix(hash, &st.st_ino, sizeof st.st_ino);
        hash = mix(hash, &st.st_size, sizeof st.st_size);
        sum += mix(hash, &st.st_mtim, sizeof st.st_mtim);
    }
    if (dir) closedir(dir);
    else if (fd >= 0) close(fd);
    return sum;
}

uint64_t lost_folder(const char *path) { return folder_sum(AT_FDCWD, path, 0); }

static long leftovers(int at, const char *path, int depth, bool take)
{
    const int fd = depth < DEPTH_MAX ? openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    long n = 0;

    while (dir && (entry = readdir(dir))) {
        const char *const name = entry->d_name;
        const bool left = take || name[0] == '.';

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        const long inner = leftovers(fd, name, depth + 1, left); /* 0: no folder */
        if (left && unlinkat(fd, name, 0) != 0) unlinkat(fd, name, AT_REMOVEDIR);
        n += inner + left;
    }
    if (dir) closedir(dir);
    else if (fd >= 0) close(fd);
    return n;
}

long lost_leftovers(const char *path) { return leftovers(AT_FDCWD, path, 0, false); }

bool lost_memory(void)
{
    return __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0;
}
