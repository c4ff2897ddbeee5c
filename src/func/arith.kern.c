/* func/arith.kern.c -- inner loops of arithmetic, conversion and bounds; compiled per x86-64 level.
 *
 * Integers are computed unsigned, so that they wrap for slots nobody looks at (nulls, rows outside
 * the selection). Tests: tests/unit/test_eval.c */
#include "func/kernels.h"

#include "func/kern/shape.h"

#define K_FN            add
#define K_WRAP(a, b)    ((a) + (b))
#define K_WRAP_16(a, b) ((a) + (b))
#include "func/kern/arith_types.tmpl.h"
#define K_FN            sub
#define K_WRAP(a, b)    ((a) - (b))
#define K_WRAP_16(a, b) ((a) - (b))
#include "func/kern/arith_types.tmpl.h"
#define K_FN            mul
#define K_WRAP(a, b)    ((a) * (b))
#define K_WRAP_16(a, b) ((uint32_t)(a) * (uint32_t)(b))
#include "func/kern/arith_types.tmpl.h"

#define WIDE_MUL(a, b) ((int64_t)(a) * (int64_t)(b))
#define K_SUFFIX       mul_wide
#define K_T            int32_t
#define K_OUT          int64_t
#define K_OP           WIDE_MUL
#include "func/kern/arith.tmpl.h"

#define DIVIDE(a, b) ((a) / (b))
#define K_SUFFIX     div_f32
#define K_T          float
#define K_OP         DIVIDE
#include "func/kern/arith.tmpl.h"
#define K_SUFFIX div_f64
#define K_T      double
#define K_OP     DIVIDE
#include "func/kern/arith.tmpl.h"

#define K_SUFFIX i8_i16
#define K_FROM   int8_t
#define K_TO     int16_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i8_i32
#define K_FROM   int8_t
#define K_TO     int32_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i8_i64
#define K_FROM   int8_t
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i8_i128
#define K_FROM   int8_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i16_i32
#define K_FROM   int16_t
#define K_TO     int32_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i16_i64
#define K_FROM   int16_t
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i16_i128
#define K_FROM   int16_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i32_i64
#define K_FROM   int32_t
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i32_i128
#define K_FROM   int32_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i64_i128
#define K_FROM   int64_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u8_i16
#define K_FROM   uint8_t
#define K_TO     int16_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u8_i32
#define K_FROM   uint8_t
#define K_TO     int32_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u8_i64
#define K_FROM   uint8_t
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u8_i128
#define K_FROM   uint8_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u16_i32
#define K_FROM   uint16_t
#define K_TO     int32_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u16_i64
#define K_FROM   uint16_t
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u16_i128
#define K_FROM   uint16_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u32_i64
#define K_FROM   uint32_t
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u32_i128
#define K_FROM   uint32_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX u64_i128
#define K_FROM   uint64_t
#define K_TO     ps_i128
#include "func/kern/convert.tmpl.h"
#define K_SUFFIX i128_i64
#define K_FROM   ps_i128
#define K_TO     int64_t
#include "func/kern/convert.tmpl.h"

#define K_SUFFIX i8
#define K_T      int8_t
#include "func/kern/bounds.tmpl.h"
#define K_SUFFIX i16
#define K_T      int16_t
#include "func/kern/bounds.tmpl.h"
#define K_SUFFIX i32
#define K_T      int32_t
#include "func/kern/bounds.tmpl.h"
#define K_SUFFIX i64
#define K_T      int64_t
#include "func/kern/bounds.tmpl.h"
#define K_SUFFIX u8
#define K_T      uint8_t
#include "func/kern/bounds.tmpl.h"
#define K_SUFFIX u16
#define K_T      uint16_t
#include "func/kern/bounds.tmpl.h"
#define K_SUFFIX u32
#define K_T      uint32_t
#include "func/kern/bounds.tmpl.h"

#define ROW(fn)                                                                                    \
    {[PS_LAYOUT_I16] = loop_##fn##_i16, [PS_LAYOUT_I32] = loop_##fn##_i32,                         \
     [PS_LAYOUT_I64] = loop_##fn##_i64, [PS_LAYOUT_I128] = loop_##fn##_i128,                       \
     [PS_LAYOUT_F32] = loop_##fn##_f32, [PS_LAYOUT_F64] = loop_##fn##_f64}

const ps_arith_kernels PS_CAT(ps_arith_kernels_v, PS_CPU_LEVEL) = {
    .binary = {[PS_ARITH_ADD] = ROW(add),
               [PS_ARITH_SUB] = ROW(sub),
               [PS_ARITH_MUL] = ROW(mul),
               [PS_ARITH_DIV] = {[PS_LAYOUT_F32] = loop_div_f32, [PS_LAYOUT_F64] = loop_div_f64}},
    .multiply_wide = loop_mul_wide,
    .convert =
        {
            [PS_LAYOUT_I8] = {[PS_LAYOUT_I16] = convert_i8_i16,
                              [PS_LAYOUT_I32] = convert_i8_i32,
                              [PS_LAYOUT_I64] = convert_i8_i64,
                              [PS_LAYOUT_I128] = convert_i8_i128},
            [PS_LAYOUT_I16] = {[PS_LAYOUT_I32] = convert_i16_i32,
                               [PS_LAYOUT_I64] = convert_i16_i64,
                               [PS_LAYOUT_I128] = convert_i16_i128},
            [PS_LAYOUT_I32] =
                {[PS_LAYOUT_I64] = convert_i32_i64, [PS_LAYOUT_I128] = convert_i32_i128},
            [PS_LAYOUT_I64] = {[PS_LAYOUT_I128] = convert_i64_i128},
            [PS_LAYOUT_I128] = {[PS_LAYOUT_I64] = convert_i128_i64},
            [PS_LAYOUT_U8] = {[PS_LAYOUT_I16] = convert_u8_i16,
                              [PS_LAYOUT_I32] = convert_u8_i32,
                              [PS_LAYOUT_I64] = convert_u8_i64,
                              [PS_LAYOUT_I128] = convert_u8_i128},
            [PS_LAYOUT_U16] = {[PS_LAYOUT_I32] = convert_u16_i32,
                               [PS_LAYOUT_I64] = convert_u16_i64,
                               [PS_LAYOUT_I128] = convert_u16_i128},
            [PS_LAYOUT_U32] =
                {[PS_LAYOUT_I64] = convert_u32_i64, [PS_LAYOUT_I128] = convert_u32_i128},
            [PS_LAYOUT_U64] = {[PS_LAYOUT_I128] = convert_u64_i128},
        },
    .bounds = {[PS_LAYOUT_I8] = bounds_i8,
               [PS_LAYOUT_I16] = bounds_i16,
               [PS_LAYOUT_I32] = bounds_i32,
               [PS_LAYOUT_I64] = bounds_i64,
               [PS_LAYOUT_U8] = bounds_u8,
               [PS_LAYOUT_U16] = bounds_u16,
               [PS_LAYOUT_U32] = bounds_u32},
};
