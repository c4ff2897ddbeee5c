/* func/math.c -- mathematics on doubles, integers and decimals.
 *
 * Doubles follow IEEE and libm: out of a function's domain is NaN, never an error. Integers and
 * decimals are exact and checked. Tests: tests/unit/test_func_eval.c, the examples in math.toml. */
#include "func/rows.h"

#include <math.h>

/* One double to one double, dense over all rows: the compiler vectorises what libm lets it. */
typedef double (*f64_fn)(double);
static ps_status f64_rows(ps_call *call, f64_fn fn)
{
    ps_rows rows;

    PS_TRY(ps_rows_begin(call, PS_LAYOUT_F64, &rows));
    double *out = rows.out;
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        out[row] = fn(ps_rows_f64(&rows, 0, row));
    }
    return PS_OK;
}
static double cot(double x) { return 1 / tan(x); }
static double degrees(double x) { return x * (180 / M_PI); }
static double radians(double x) { return x * (M_PI / 180); }
static double sqrt_of(double x) { return x < 0 ? NAN : sqrt(x); }
static ps_status sqrt_eval(ps_call *call) { return f64_rows(call, sqrt_of); }
PS_FN(sqrt, .eval = sqrt_eval);
static ps_status cbrt_eval(ps_call *call) { return f64_rows(call, cbrt); }
PS_FN(cbrt, .eval = cbrt_eval);
static ps_status exp_eval(ps_call *call) { return f64_rows(call, exp); }
PS_FN(exp, .eval = exp_eval);
static ps_status ln_eval(ps_call *call) { return f64_rows(call, log); }
PS_FN(ln, .eval = ln_eval);
static ps_status log10_eval(ps_call *call) { return f64_rows(call, log10); }
PS_FN(log10, .eval = log10_eval);
static ps_status log2_eval(ps_call *call) { return f64_rows(call, log2); }
PS_FN(log2, .eval = log2_eval);
static ps_status sin_eval(ps_call *call) { return f64_rows(call, sin); }
PS_FN(sin, .eval = sin_eval);
static ps_status cos_eval(ps_call *call) { return f64_rows(call, cos); }
PS_FN(cos, .eval = cos_eval);
static ps_status tan_eval(ps_call *call) { return f64_rows(call, tan); }
PS_FN(tan, .eval = tan_eval);
static ps_status cot_eval(ps_call *call) { return f64_rows(call, cot); }
PS_FN(cot, .eval = cot_eval);
/* Rounded away from zero to an even whole number. */
static double even(double x)
{
    const double up = ceil(fabs(x));
    return copysign(fmod(up, 2) == 0 ? up : up + 1, x);
}
static ps_status even_eval(ps_call *call) { return f64_rows(call, even); }
PS_FN(even, .eval = even_eval);
static ps_status gamma_eval(ps_call *call) { return f64_rows(call, tgamma); }
PS_FN(gamma, .eval = gamma_eval);
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}
static ps_status lgamma_eval(ps_call *call) { return f64_rows(call, log_gamma); }
PS_FN(lgamma, .eval = lgamma_eval);
static ps_status asin_eval(ps_call *call) { return f64_rows(call, asin); }
PS_FN(asin, .eval = asin_eval);
static ps_status acos_eval(ps_call *call) { return f64_rows(call, acos); }
PS_FN(acos, .eval = acos_eval);
static ps_status atan_eval(ps_call *call) { return f64_rows(call, atan); }
PS_FN(atan, .eval = atan_eval);
static ps_status sinh_eval(ps_call *call) { return f64_rows(call, sinh); }
PS_FN(sinh, .eval = sinh_eval);
static ps_status cosh_eval(ps_call *call) { return f64_rows(call, cosh); }
PS_FN(cosh, .eval = cosh_eval);
static ps_status tanh_eval(ps_call *call) { return f64_rows(call, tanh); }
PS_FN(tanh, .eval = tanh_eval);
static ps_status asinh_eval(ps_call *call) { return f64_rows(call, asinh); }
PS_FN(asinh, .eval = asinh_eval);
static ps_status acosh_eval(ps_call *call) { return f64_rows(call, acosh); }
PS_FN(acosh, .eval = acosh_eval);
static ps_status atanh_eval(ps_call *call) { return f64_rows(call, atanh); }
PS_FN(atanh, .eval = atanh_eval);
static ps_status degrees_eval(ps_call *call) { return f64_rows(call, degrees); }
PS_FN(degrees, .eval = degrees_eval);
static ps_status radians_eval(ps_call *call) { return f64_rows(call, radians); }
PS_FN(radians, .eval = radians_eval);
static ps_status ceil_float_eval(ps_call *call) { return f64_rows(call, ceil); }
PS_FN(ceil_float, .eval = ceil_float_eval);
static ps_status floor_float_eval(ps_call *call) { return f64_rows(call, floor); }
PS_FN(floor_float, .eval = floor_float_eval);
static ps_status round_float_eval(ps_call *call) { return f64_rows(call, round); }
PS_FN(round_float, .eval = round_float_eval);
static ps_status trunc_float_eval(ps_call *call) { return f64_rows(call, trunc); }
PS_FN(trunc_float, .eval = trunc_float_eval);
static ps_status pi_eval(ps_call *call)
{
    ps_vec_flat(call->out, call->out->type, PS_LAYOUT_F64, call->buf->data, NULL, call->out->n);
    call->out->encoding = PS_ENC_CONSTANT;
    *(double *)call->buf->data = M_PI;
    return PS_OK;
}
PS_FN(pi, .eval = pi_eval);

static ps_status power_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, double)[row] = pow(ps_rows_f64(rows, 0, row), ps_rows_f64(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(power, F64);
static ps_status atan2_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, double)[row] = atan2(ps_rows_f64(rows, 0, row), ps_rows_f64(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(atan2, F64);
/* log(base, x) */
static ps_status log_base_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, double)
    [row] = log10(ps_rows_f64(rows, 1, row)) / log10(ps_rows_f64(rows, 0, row));
    return PS_OK;
}
PS_ROW_FN(log_base, F64);

static double float_of(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    const ps_reader_view *in = &rows->in[arg];
    const size_t at = ps_reader_at(in, row);
    return rows->call->args[arg].type.id == PS_TYPE_FLOAT32 ? ((const float *)in->data)[at]
                                                            : ((const double *)in->data)[at];
}
static ps_status isnan_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)[row] = float_of(rows, 0, row) != float_of(rows, 0, row);
    return PS_OK;
}
PS_ROW_FN(isnan, BOOL);
static ps_status isinf_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)[row] = fabs(float_of(rows, 0, row)) == HUGE_VAL;
    return PS_OK;
}
PS_ROW_FN(isinf, BOOL);
static ps_status isfinite_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)[row] = fabs(float_of(rows, 0, row)) < HUGE_VAL;
    return PS_OK;
}
PS_ROW_FN(isfinite, BOOL);

/* round(x, digits) of doubles: half away from zero; NaN where a step overflows. */
static double round_to(double x, int64_t digits)
{
    if (!isfinite(x) || digits > 308) return x;
    const double unit = pow(10, (double)(digits < 0 ? -digits : digits));
    const double scaled = digits < 0 ? x / unit : x * unit;
    if (!isfinite(scaled)) return x;
    const double whole = round(scaled), result = digits < 0 ? whole * unit : whole / unit;
    return isfinite(result) ? result : x;
}
static ps_status round_digits_row(ps_rows *rows, uint32_t row)
{
    const int64_t digits = ps_rows_i64(rows, 1, row);
    PS_ROWS_OUT(rows, double)
    [row] = round_to(ps_rows_f64(rows, 0, row), PS_MAX(PS_MIN(digits, 400), -400));
    return PS_OK;
}
PS_ROW_FN(round_digits, F64);
static ps_status trunc_digits_row(ps_rows *rows, uint32_t row)
{
    const int64_t digits = ps_rows_i64(rows, 1, row);
    const double x = ps_rows_f64(rows, 0, row),
                 unit = pow(10, (double)PS_MIN(PS_MAX(digits, -400), 400));
    const double scaled = trunc(x * unit) / unit;
    PS_ROWS_OUT(rows, double)[row] = isfinite(scaled) ? scaled : x;
    return PS_OK;
}
PS_ROW_FN(trunc_digits, F64);

/* -1, 0, 1; 0 for NaN */
static ps_status sign_float_row(ps_rows *rows, uint32_t row)
{
    const double x = float_of(rows, 0, row);
    PS_ROWS_OUT(rows, int8_t)[row] = (int8_t)((x > 0) - (x < 0));
    return PS_OK;
}
PS_ROW_FN(sign_float, I8);
static ps_status abs_float_eval(ps_call *call)
{
    const bool narrow = call->out->type.id == PS_TYPE_FLOAT32;
    ps_rows rows;

    PS_TRY(ps_rows_begin(call, narrow ? PS_LAYOUT_F32 : PS_LAYOUT_F64, &rows));
    for (uint32_t k = 0; k < rows.n; k++) {
        const uint32_t row = ps_rows_at(&rows, k);
        const double x = fabs(float_of(&rows, 0, row));
        if (narrow) ((float *)rows.out)[row] = (float)x;
        else ((double *)rows.out)[row] = x;
    }
    return PS_OK;
}
PS_FN(abs_float, .eval = abs_float_eval);

static ps_status nextafter_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, double)
    [row] = nextafter(ps_rows_f64(rows, 0, row), ps_rows_f64(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(nextafter, F64);

/* Division rounded down, and what it leaves: the sign is the divisor's. */
static ps_status fdiv_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, double)[row] = floor(ps_rows_f64(rows, 0, row) / ps_rows_f64(rows, 1, row));
    return PS_OK;
}
PS_ROW_FN(fdiv, F64);
static ps_status fmod_down_row(ps_rows *rows, uint32_t row)
{
    const double x = ps_rows_f64(rows, 0, row), y = ps_rows_f64(rows, 1, row);
    PS_ROWS_OUT(rows, double)[row] = x - y * floor(x / y);
    return PS_OK;
}
PS_ROW_FN(fmod_down, F64);

static ps_status signbit_row(ps_rows *rows, uint32_t row)
{
    PS_ROWS_OUT(rows, uint8_t)[row] = signbit(ps_rows_f64(rows, 0, row)) != 0;
    return PS_OK;
}
PS_ROW_FN(signbit, BOOL);
