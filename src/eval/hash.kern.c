/* eval/hash.kern.c -- inner loops of hashing keys; compiled per x86-64 level.
 *
 * A value hashes as its 64-bit number whatever slot it sits in. Tests: tests/unit/test_eval_hash.c
 */
#include "eval/hash_kernels.h"

#include "base/hash.h"

#define SIGNED(x) ((uint64_t)(int64_t)(x))
#define K_NAME    words_i8
#define K_T       int8_t
#define K_WORD    SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_i16
#define K_T    int16_t
#define K_WORD SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_i32
#define K_T    int32_t
#define K_WORD SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_i64
#define K_T    int64_t
#define K_WORD SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_u8
#define K_T    uint8_t
#define K_WORD SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_u16
#define K_T    uint16_t
#define K_WORD SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_u32
#define K_T    uint32_t
#define K_WORD SIGNED
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_f32
#define K_T    float
#define K_WORD ps_hash_f64_bits
#include "eval/kern/hash.tmpl.h"
#define K_NAME words_f64
#define K_T    double
#define K_WORD ps_hash_f64_bits
#include "eval/kern/hash.tmpl.h"

static void combine(const uint64_t *words, size_t n, uint64_t *PS_RESTRICT out)
{
    for (size_t k = 0; k < n; k++) out[k] = ps_hash_combine(out[k], words[k]);
}

const ps_hash_kernels PS_CAT(ps_hash_kernels_v, PS_CPU_LEVEL) = {
    .words = {[PS_LAYOUT_BOOL] = words_u8,
              [PS_LAYOUT_I8] = words_i8,
              [PS_LAYOUT_I16] = words_i16,
              [PS_LAYOUT_I32] = words_i32,
              [PS_LAYOUT_I64] = words_i64,
              [PS_LAYOUT_U8] = words_u8,
              [PS_LAYOUT_U16] = words_u16,
              [PS_LAYOUT_U32] = words_u32,
              [PS_LAYOUT_F32] = words_f32,
              [PS_LAYOUT_F64] = words_f64},
    .combine = combine,
};
