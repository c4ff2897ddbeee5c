/* tests/runner/md5.h -- MD5 (RFC 1321), because sqllogictest names long results by it. */
#ifndef RUNNER_MD5_H
#define RUNNER_MD5_H

#include <stddef.h>

/* The digest of n bytes as 32 hexadecimal digits and a NUL. */
void md5_hex(const void *bytes, size_t n, char out[33]);

#endif
