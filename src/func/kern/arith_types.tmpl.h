/* func/kern/arith_types.tmpl.h -- one wrapping operation for every integer width; K_FN names it.
 *
 * Define K_FN, K_WRAP(a, b) and K_WRAP_16(a, b): two promoted uint16_t may overflow an int. */
#define K_SUFFIX PS_CAT(K_FN, _i16)
#define K_T      uint16_t
#define K_OP     K_WRAP_16
#include "func/kern/arith.tmpl.h"
#define K_SUFFIX PS_CAT(K_FN, _i32)
#define K_T      uint32_t
#define K_OP     K_WRAP
#include "func/kern/arith.tmpl.h"
#define K_SUFFIX PS_CAT(K_FN, _i64)
#define K_T      uint64_t
#define K_OP     K_WRAP
#include "func/kern/arith.tmpl.h"
#define K_SUFFIX PS_CAT(K_FN, _i128)
#define K_T      ps_u128
#define K_OP     K_WRAP
#include "func/kern/arith.tmpl.h"
#define K_SUFFIX PS_CAT(K_FN, _f32)
#define K_T      float
#define K_OP     K_WRAP
#include "func/kern/arith.tmpl.h"
#define K_SUFFIX PS_CAT(K_FN, _f64)
#define K_T      double
#define K_OP     K_WRAP
#include "func/kern/arith.tmpl.h"
#undef K_FN
#undef K_WRAP
#undef K_WRAP_16
