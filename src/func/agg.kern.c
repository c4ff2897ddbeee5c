/* func/agg.kern.c -- integer sums and ranges, built once for each x86-64 level. */
#include "func/agg_input.h"

#define AGG_T     int8_t
#define AGG_N     i8
#define AGG_BATCH int32_t
#include "func/agg_int.tmpl.h"
#define AGG_T     int16_t
#define AGG_N     i16
#define AGG_BATCH int32_t
#include "func/agg_int.tmpl.h"
#define AGG_T     int32_t
#define AGG_N     i32
#define AGG_BATCH int64_t
#include "func/agg_int.tmpl.h"
#define AGG_T     int64_t
#define AGG_N     i64
#define AGG_BATCH int64_t
#include "func/agg_int.tmpl.h"
#define AGG_T     uint8_t
#define AGG_N     u8
#define AGG_BATCH int32_t
#include "func/agg_int.tmpl.h"
#define AGG_T     uint16_t
#define AGG_N     u16
#define AGG_BATCH int32_t
#include "func/agg_int.tmpl.h"
#define AGG_T     uint32_t
#define AGG_N     u32
#define AGG_BATCH int64_t
#include "func/agg_int.tmpl.h"

#define TABLE(stem)                                                                                \
    {[PS_LAYOUT_BOOL] = stem##u8, [PS_LAYOUT_I8] = stem##i8,   [PS_LAYOUT_I16] = stem##i16,        \
     [PS_LAYOUT_I32] = stem##i32, [PS_LAYOUT_I64] = stem##i64, [PS_LAYOUT_U8] = stem##u8,          \
     [PS_LAYOUT_U16] = stem##u16, [PS_LAYOUT_U32] = stem##u32}

extern const ps_agg_kernels PS_CAT(ps_agg_kernels_v, PS_CPU_LEVEL);
const ps_agg_kernels PS_CAT(ps_agg_kernels_v, PS_CPU_LEVEL) = {
    .sum = TABLE(sum_), .sum_few = TABLE(few_), .sum_dense = TABLE(dense_), .range = TABLE(range_)};
