/* fs/sys.h -- every system call on files that the library makes, behind one list.
 *
 * They are the system's with two differences. An interrupted call (EINTR) is made again, so no
 * caller sees it. And tests can make the n-th call of the process fail (ps_sys_fault_set): that is
 * how every way out is walked (tests/README.md, "Torture"). While no fault is set that costs one
 * relaxed load a call. tools/lint.py keeps such calls out of all other files.
 *
 * Reads and writes may be short, as the system's: file.c and spill.c have the loops around them.
 * Threads: any. Tests: tests/unit/test_fs_sys.c, tests/torture_io. */
#ifndef PS_FS_SYS_H
#define PS_FS_SYS_H

#include "base/str.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>

/* All give -1 (NULL) with errno where they fail. */
int ps_sys_open(const char *path, int flags, mode_t mode);
int ps_sys_close(int fd); /* the descriptor is gone, whatever is given back */
ssize_t ps_sys_pread(int fd, void *bytes, size_t n, uint64_t at);
ssize_t ps_sys_write(int fd, const void *bytes, size_t n);
ssize_t ps_sys_pwrite(int fd, const void *bytes, size_t n, uint64_t at);
int ps_sys_fsync(int fd);
int ps_sys_fdatasync(int fd);
int ps_sys_syncfs(int fd);               /* the file system that fd is on */
int ps_sys_write_out(int fd, bool wait); /* begins to sync a file's bytes, and waits for it */
int ps_sys_rename(const char *from, const char *to);
int ps_sys_exchange(const char *a, const char *b); /* names, in one step */
int ps_sys_link(const char *from, const char *to);
int ps_sys_symlink(const char *target, const char *path);
ssize_t ps_sys_readlink(const char *path, char *out, size_t n);
bool ps_sys_realpath(const char *path, char *out); /* PATH_MAX bytes */
int ps_sys_room(int fd, uint64_t *bytes);          /* free where the file is, for us */
int ps_sys_lock(int fd);                           /* flock, exclusive, without waiting */
int ps_sys_writable(const char *path);
int ps_sys_chmod(const char *path, mode_t mode);
int ps_sys_fchmod(int fd, mode_t mode);
int ps_sys_unlink(const char *path);
int ps_sys_mkdir(const char *path, mode_t mode);
int ps_sys_rmdir(const char *path);
int ps_sys_fstat(int fd, struct stat *info);
int ps_sys_stat(const char *path, struct stat *info);
int ps_sys_lstat(const char *path, struct stat *info);
int ps_sys_punch(int fd, uint64_t at, uint64_t n); /* gives the space of a part of a file back */
/* A part of a file that is going to be read: the system may begin to. Advice, so it can't fail. */
void ps_sys_expect(int fd, uint64_t at, uint64_t n);
DIR *ps_sys_opendir(const char *path);
struct dirent *ps_sys_readdir(DIR *dir); /* NULL: the end (errno 0), or it failed */
void ps_sys_closedir(DIR *dir);
int ps_sys_random(void *bytes, size_t n); /* all n bytes */

/* Sets what fails: "KIND n" is the n-th call from now on, "KIND n all" also those after it; "" is
 * nothing. Kinds: EIO; ENOSPC, of calls that take room; EINTR (with `all`: every second call);
 * SHORT, where a read or write moves half of what it should. FLIP, CUT and ZERO damage blocks of
 * temporary files on the way back (ps_sys_spoil), LATE gives them 20 ms later; those count blocks.
 * Other texts set nothing. */
void ps_sys_fault_set(ps_str text);
ps_status ps_sys_fault_check(ps_ctx *cx, ps_str text); /* PS_INVALID: set would set nothing */
/* The same text with what is left of n, 0 once it came, and the call that it came at first:
 * "EIO 0 rename". */
void ps_sys_fault_get(char *out, size_t out_bytes);
/* To be called with each block of a temporary file as it was read: a fault of the damaging kinds
 * changes it. Gives the number of bytes that count as read. */
size_t ps_sys_spoil(void *bytes, size_t n);

#endif
