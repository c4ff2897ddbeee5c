/* col/value.c -- single values: equality, order, hash, copy.
 *
 * Two relations on purpose. Equality says that two literals may stand for each other in a
 * plan: 30 days are not one month there (adding them differs), and -0.0 is not 0.0. Order is
 * SQL's: both of these pairs compare as 0. */
#include "col/value.h"

#include "base/hash.h"

#include <math.h>

enum { DAYS_PER_MONTH = 30 };
static const int64_t ns_per_day = (int64_t)86400 * 1000000000;

typedef enum form { FORM_NONE, FORM_INT, FORM_FLOAT, FORM_STR, FORM_INTERVAL, FORM_ITEMS } form;

static form form_of(ps_type type)
{
    switch (ps_type_layout(type)) {
    case PS_LAYOUT_NONE: return FORM_NONE;
    case PS_LAYOUT_F16:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F64: return FORM_FLOAT;
    case PS_LAYOUT_VIEW: return FORM_STR;
    case PS_LAYOUT_INTERVAL: return FORM_INTERVAL;
    case PS_LAYOUT_LIST:
    case PS_LAYOUT_STRUCT:
    case PS_LAYOUT_UNION: return FORM_ITEMS;
    default: return FORM_INT;
    }
}

static bool has_tag(ps_type type) { return ps_type_storage(type).id == PS_TYPE_UNION; }

bool ps_value_equal(const ps_value *a, const ps_value *b)
{
    if (!ps_type_equal(a->type, b->type) || a->null != b->null) return false;
    if (a->null) return true;
    switch (form_of(a->type)) {
    case FORM_NONE: return true;
    case FORM_INT: return a->i == b->i;
    case FORM_FLOAT:
        return (isnan(a->f64) && isnan(b->f64)) ||
               (a->f64 == b->f64 && signbit(a->f64) == signbit(b->f64));
    case FORM_STR: return ps_str_equal(a->str, b->str);
    case FORM_INTERVAL:
        return a->interval.months == b->interval.months && a->interval.days == b->interval.days &&
               a->interval.ns == b->interval.ns;
    case FORM_ITEMS:
        if (a->n_items != b->n_items || (has_tag(a->type) && a->tag != b->tag)) return false;
        for (uint32_t i = 0; i < a->n_items; i++)
            if (!ps_value_equal(&a->items[i], &b->items[i])) return false;
        return true;
    }
    return false;
}

static int float_compare(double a, double b)
{
    if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
    return a < b ? -1 : a > b;
}

static ps_i128 interval_ns(ps_interval interval)
{
    const int64_t days = (int64_t)interval.months * DAYS_PER_MONTH + interval.days;
    return (ps_i128)days * ns_per_day + interval.ns;
}

int ps_value_compare(const ps_value *a, const ps_value *b)
{
    if (a->null || b->null) return (int)a->null - (int)b->null;
    switch (form_of(a->type)) {
    case FORM_NONE: return 0;
    case FORM_INT: return a->i < b->i ? -1 : a->i > b->i;
    case FORM_FLOAT: return float_compare(a->f64, b->f64);
    case FORM_STR: return ps_str_compare(a->str, b->str);
    case FORM_INTERVAL: {
        const ps_i128 na = interval_ns(a->interval), nb = interval_ns(b->interval);
        return na < nb ? -1 : na > nb;
    }
    case FORM_ITEMS:
        if (has_tag(a->type) && a->tag != b->tag) return a->tag < b->tag ? -1 : 1;
        for (uint32_t i = 0; i < a->n_items && i < b->n_items; i++) {
            const int order = ps_value_compare(&a->items[i], &b->items[i]);
            if (order) return order;
        }
        return a->n_items < b->n_items ? -1 : a->n_items > b->n_items;
    }
    return 0;
}

uint64_t ps_value_hash(const ps_value *value)
{
    const uint64_t seed = ps_type_hash(value->type);
    uint64_t hash = seed;

    if (value->null) return ps_hash_u64(0x6e756c6cu, seed);
    switch (form_of(value->type)) {
    case FORM_NONE: break;
    case FORM_INT:
        hash = ps_hash_u64((uint64_t)value->i, seed);
        if (value->i != (int64_t)value->i) hash = ps_hash_combine(hash, (uint64_t)(value->i >> 64));
        break;
    case FORM_FLOAT: {
        const double f64 = isnan(value->f64) ? (double)NAN : value->f64;
        hash = ps_hash_bytes(&f64, sizeof f64, seed);
        break;
    }
    case FORM_STR: hash = ps_hash_bytes(value->str.at, value->str.n, seed); break;
    case FORM_INTERVAL: hash = ps_hash_bytes(&value->interval, sizeof value->interval, seed); break;
    case FORM_ITEMS:
        if (has_tag(value->type)) hash = ps_hash_combine(hash, (uint64_t)value->tag);
        for (uint32_t i = 0; i < value->n_items; i++)
            hash = ps_hash_combine(hash, ps_value_hash(&value->items[i]));
    }
    return hash;
}

ps_status ps_value_copy(ps_ctx *cx, ps_arena *arena, const ps_value *src, ps_value *out)
{
    ps_value copy = *src;

    PS_TRY(ps_type_keep(cx, arena, src->type));
    if (!src->null && form_of(src->type) == FORM_STR) {
        copy.str.at = ps_arena_strndup(cx, arena, src->str.at, src->str.n);
        if (!copy.str.at) return PS_MEMORY;
    } else if (!src->null && form_of(src->type) == FORM_ITEMS) {
        ps_value *items = PS_ARENA_ARRAY(cx, arena, ps_value, src->n_items);
        if (!items) return PS_MEMORY;
        for (uint32_t i = 0; i < src->n_items; i++)
            PS_TRY(ps_value_copy(cx, arena, &src->items[i], &items[i]));
        copy.items = items;
    }
    *out = copy;
    return PS_OK;
}
