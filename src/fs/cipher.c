/* fs/cipher.c -- see cipher.h. The names and constants of libcrypto (OpenSSL 1.1 and 3) are those
 * of its manual pages EVP_EncryptInit(3). */
#include "fs/cipher.h"

#include "fs/sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, STEP_BYTES = 1 << 30 };
enum { CTRL_GET_TAG = 0x10, CTRL_SET_TAG = 0x11 }; /* EVP_CTRL_AEAD_... */

typedef struct library {
    void *handle;
    void *(*ctx_new)(void);
    void (*ctx_free)(void *ctx);
    int (*ctx_ctrl)(void *ctx, int what, int n, void *bytes);
    const void *(*aes_256_gcm)(void);
    int (*init)(void *ctx, const void *cipher, void *engine, const unsigned char *key,
                const unsigned char *nonce, int encrypt);
    int (*update)(void *ctx, unsigned char *out, int *n_out, const unsigned char *in, int n);
    int (*final)(void *ctx, unsigned char *out, int *n_out);
} library;

struct ps_cipher {
    library crypto;
    unsigned char key[KEY_BYTES];
};

static bool library_load(library *out)
{
    static const char *const FILES[] = {"libcrypto.so.3", "libcrypto.so.1.1"};
    static const struct {
        const char *name;
        size_t at;
    } NAMES[] = {
        {"EVP_CIPHER_CTX_new", offsetof(library, ctx_new)},
        {"EVP_CIPHER_CTX_free", offsetof(library, ctx_free)},
        {"EVP_CIPHER_CTX_ctrl", offsetof(library, ctx_ctrl)},
        {"EVP_aes_256_gcm", offsetof(library, aes_256_gcm)},
        {"EVP_CipherInit_ex", offsetof(library, init)},
        {"EVP_CipherUpdate", offsetof(library, update)},
        {"EVP_CipherFinal_ex", offsetof(library, final)},
    };

    out->handle = NULL;
    for (size_t f = 0; f < PS_COUNT(FILES) && !out->handle; f++)
        out->handle = dlopen(FILES[f], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!out->handle) return false;
    for (size_t n = 0; n < PS_COUNT(NAMES); n++) {
        void *const symbol = dlsym(out->handle, NAMES[n].name);

        memcpy((char *)out + NAMES[n].at, &symbol, sizeof(symbol));
        if (symbol) continue;
        dlclose(out->handle);
        return false;
    }
    return true;
}

static ps_status library_fail(ps_ctx *cx)
{
    ps_fail(cx, PS_UNSUPPORTED,
            "temp_file_encryption needs OpenSSL's libcrypto.so.3, which is not "
            "there");
    ps_hint(cx, "install it (Debian: libssl3), or leave temp_file_encryption off");
    return PS_UNSUPPORTED;
}

ps_status ps_cipher_check(ps_ctx *cx)
{
    library crypto;

    if (!library_load(&crypto)) return library_fail(cx);
    dlclose(crypto.handle);
    return PS_OK;
}

ps_status ps_cipher_new(ps_ctx *cx, ps_cipher **out)
{
    ps_cipher *cipher = ps_alloc_zero(cx, sizeof(*cipher));
    ps_status st = cipher ? PS_OK : PS_MEMORY;

    *out = NULL;
    if (!cipher) return st;
    if (!library_load(&cipher->crypto)) st = library_fail(cx);
    else if (ps_sys_random(cipher->key, sizeof(cipher->key)) != 0)
        st = ps_fail(cx, PS_IO, "no key for temporary files could be made: %s", strerror(errno));
    if (st != PS_OK) ps_cipher_free(cipher);
    else *out = cipher;
    return st;
}

void ps_cipher_free(ps_cipher *cipher)
{
    if (!cipher) return;
    explicit_bzero(cipher->key, sizeof(cipher->key));
    if (cipher->crypto.handle) dlclose(cipher->crypto.handle);
    ps_free(cipher);
}

/* All steps but the tag; false: libcrypto refused one. */
static bool run(const library *crypto, void *ctx, ps_str with, char *bytes, uint64_t n)
{
    unsigned char *const at = (unsigned char *)bytes;
    int done;

    if (crypto->update(ctx, NULL, &done, (const unsigned char *)with.at, (int)with.n) != 1)
        return false;
    for (uint64_t from = 0; from < n; from += (uint64_t)done) {
        const int step = (int)PS_MIN(n - from, (uint64_t)STEP_BYTES);

        if (crypto->update(ctx, at + from, &done, at + from, step) != 1 || done != step)
            return false;
    }
    return true;
}

static void *begin(const ps_cipher *cipher, uint64_t number, bool seal)
{
    const library *crypto = &cipher->crypto;
    unsigned char nonce[NONCE_BYTES] = {0};
    void *ctx = crypto->ctx_new();

    memcpy(nonce, &number, sizeof(number));
    if (ctx && crypto->init(ctx, crypto->aes_256_gcm(), NULL, cipher->key, nonce, seal) == 1)
        return ctx;
    crypto->ctx_free(ctx);
    return NULL;
}

static ps_status refused(ps_ctx *cx)
{
    return ps_fail(cx, PS_MEMORY, "libcrypto refused to work: it is short of memory");
}

ps_status ps_cipher_seal(ps_ctx *cx, const ps_cipher *cipher, uint64_t number, ps_str with,
                         char *bytes, uint64_t n, uint8_t *tag)
{
    const library *crypto = &cipher->crypto;
    void *const ctx = begin(cipher, number, true);
    unsigned char rest[16];
    int done;
    const bool good = ctx && run(crypto, ctx, with, bytes, n) &&
                      crypto->final(ctx, rest, &done) == 1 &&
                      crypto->ctx_ctrl(ctx, CTRL_GET_TAG, PS_CIPHER_TAG_BYTES, tag) == 1;

    crypto->ctx_free(ctx);
    return good ? PS_OK : refused(cx);
}

ps_status ps_cipher_open(ps_ctx *cx, const ps_cipher *cipher, uint64_t number, ps_str with,
                         char *bytes, uint64_t n, const uint8_t *tag, bool *same)
{
    const library *crypto = &cipher->crypto;
    void *const ctx = begin(cipher, number, false);
    unsigned char rest[16], wanted[PS_CIPHER_TAG_BYTES];
    int done;

    memcpy(wanted, tag, sizeof(wanted));
    const bool good = ctx && run(crypto, ctx, with, bytes, n) &&
                      crypto->ctx_ctrl(ctx, CTRL_SET_TAG, PS_CIPHER_TAG_BYTES, wanted) == 1;
    *same = good && crypto->final(ctx, rest, &done) == 1;
    crypto->ctx_free(ctx);
    return good ? PS_OK : refused(cx);
}
