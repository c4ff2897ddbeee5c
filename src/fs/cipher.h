/* fs/cipher.h -- blocks made unreadable with a key that is in memory only: AES-256-GCM of OpenSSL's
 * libcrypto, which is loaded at the first need and needn't be there otherwise.
 *
 * A key is made for one file and never shown; without it what a crash left on a disk is noise. A
 * number (nonce) must be used once with a key: two blocks under one number would give both away.
 * Threads: any. Tests: tests/unit/test_spill.c */
#ifndef PS_FS_CIPHER_H
#define PS_FS_CIPHER_H

#include "base/str.h"

typedef struct ps_cipher ps_cipher;
enum { PS_CIPHER_TAG_BYTES = 16 };

/* PS_UNSUPPORTED where the library isn't there. */
ps_status ps_cipher_check(ps_ctx *cx);
ps_status ps_cipher_new(ps_ctx *cx, ps_cipher **out);
void ps_cipher_free(ps_cipher *cipher); /* NULL ok; the key is wiped */
/* Encrypts n bytes in place. The tag is for them and for the bytes of `with`, which stay as they
 * are; opening fails unless all are the same. */
ps_status ps_cipher_seal(ps_ctx *cx, const ps_cipher *cipher, uint64_t number, ps_str with,
                         char *bytes, uint64_t n, uint8_t *tag);
/* Decrypts in place. *same false: they are not what was sealed, and the bytes mean nothing. */
ps_status ps_cipher_open(ps_ctx *cx, const ps_cipher *cipher, uint64_t number, ps_str with,
                         char *bytes, uint64_t n, const uint8_t *tag, bool *same);

#endif
