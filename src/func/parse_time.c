/* func/parse_time.c -- text to dates, times, timestamps and intervals.
 *
 * Forms as DuckDB's users write them: 2020-1-5, 2020/01/05, 44-01-01 (BC); 10:11[:12[.5]];
 * a date and a time with a blank or T between; zones Z, UTC, +02, +02:30, +0230. Fractions finer
 * than the unit are cut. Tests: tests/unit/test_func_cast.c */
#include "func/parse.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_DAY    (86400 * NS_PER_SECOND)

/* A place in a text. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool at_end(const cursor *c) { return c->at == c->end; }
static char peek(const cursor *c) { return at_end(c) ? 0 : *c->at; }
static bool take(cursor *c, char wanted)
{
    if (peek(c) != wanted || at_end(c)) return false;
    c->at++;
    return true;
}
static void skip_blanks(cursor *c)
{
    while (peek(c) == ' ' || (peek(c) >= '\t' && peek(c) <= '\r')) c->at++;
}

/* A number of lo to hi digits. */
static bool number(cursor *c, int lo, int hi, int64_t *out)
{
    int n = 0;

    for (*out = 0; n < hi && is_digit(peek(c)); n++) *out = *out * 10 + (*c->at++ - '0');
    return n >= lo && !(n == hi && is_digit(peek(c)));
}

static bool take_word(cursor *c, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || !ps_str_equal_nocase((ps_str){c->at, n}, (ps_str){word, n}))
        return false;
    c->at += n;
    return true;
}

static bool date(cursor *c, int64_t *days)
{
    int64_t year, month, day;
    const bool negative = take(c, '-');

    if (!negative && take_word(c, "epoch")) {
        *days = 0;
        return true;
    }
    if (!number(c, 1, 7, &year)) return false;
    const char separator = peek(c);
    if ((separator != '-' && separator != '/') || !take(c, separator)) return false;
    if (!number(c, 1, 2, &month) || !take(c, separator) || !number(c, 1, 2, &day)) return false;
    if (negative) year = -year;
    cursor ahead = *c;
    skip_blanks(&ahead);
    if (take_word(&ahead, "(BC)")) {
        year = 1 - year;
        *c = ahead;
    }
    if (month < 1 || month > 12 || day < 1 || year < -5877641 || year > 5881580) return false;
    if (day > ps_days_in_month(year, (int32_t)month)) return false;
    *days = ps_days_of_civil(year, (int32_t)month, (int32_t)day);
    return *days >= INT32_MIN && *days <= INT32_MAX;
}

/* .fraction as nanoseconds; finer digits are cut. */
static bool fraction(cursor *c, int64_t *ns)
{
    int64_t unit = NS_PER_SECOND / 10;

    *ns = 0;
    if (!take(c, '.')) return true;
    for (; is_digit(peek(c)); c->at++, unit /= 10) *ns += (*c->at - '0') * unit;
    return true;
}

/* HH:MM[:SS[.f]] as nanoseconds. */
static bool clock_time(cursor *c, int64_t *ns)
{
    int64_t hours, minutes, seconds = 0, rest = 0;

    if (!number(c, 1, 2, &hours) || !take(c, ':') || !number(c, 1, 2, &minutes)) return false;
    if (take(c, ':') && (!number(c, 1, 2, &seconds) || !fraction(c, &rest))) return false;
    if (hours > 24 || minutes > 59 || seconds > 59) return false;
    if (hours == 24 && (minutes || seconds || rest)) return false;
    *ns = ((hours * 60 + minutes) * 60 + seconds) * NS_PER_SECOND + rest;
    return true;
}

/* Z, UTC, +HH[:MM[:SS]], +HHMM; none: *zoned false. */
static bool zone(cursor *c, bool *zoned, int32_t *offset)
{
    int64_t hours, minutes = 0, seconds = 0;

    *zoned = true, *offset = 0;
    skip_blanks(c);
    if (take_word(c, "UTC") || take_word(c, "GMT") || take(c, 'Z') || take(c, 'z')) return true;
    const bool negative = peek(c) == '-';
    if (!negative && peek(c) != '+') {
        *zoned = false;
        return true;
    }
    c->at++;
    if (!(is_digit(peek(c)))) return false;
    for (hours = 0; is_digit(peek(c)) && hours < 10;) {
        hours = hours * 10 + (*c->at++ - '0');
        if (hours >= 10 || !is_digit(peek(c))) break;
    }
    if (take(c, ':') || is_digit(peek(c)))
        if (!number(c, 2, 2, &minutes)) return false;
    if (take(c, ':') && !number(c, 2, 2, &seconds)) return false;
    if (hours > 15 || minutes > 59 || seconds > 59) return false;
    *offset = (int32_t)((hours * 60 + minutes) * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

static cursor cursor_of(ps_str text)
{
    const ps_str s = ps_parse_trim(text);
    return (cursor){s.at, s.at + s.n};
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

bool ps_parse_date(ps_str text, int32_t *days)
{
    cursor c = cursor_of(text);
    int64_t wide, ns;
    bool zoned;
    int32_t offset;

    if (!date(&c, &wide)) return false;
    *days = (int32_t)wide;
    if (at_end(&c)) return true;
    if (!take(&c, ' ') && !take(&c, 'T')) return false; /* a timestamp's time is dropped */
    return clock_time(&c, &ns) && zone(&c, &zoned, &offset) && at_end(&c);
}

bool ps_parse_time(ps_str text, ps_unit unit, int64_t *out)
{
    cursor c = cursor_of(text), whole = c;
    int64_t ns, days;

    if (date(&whole, &days) && (take(&whole, ' ') || take(&whole, 'T'))) c = whole;
    if (!clock_time(&c, &ns) || !at_end(&c)) return false;
    *out = ns / (NS_PER_SECOND / ps_unit_per_second(unit));
    return true;
}

bool ps_parse_time_zoned(ps_str text, int64_t *us, int32_t *offset)
{
    cursor c = cursor_of(text);
    int64_t ns;
    bool zoned;

    if (!clock_time(&c, &ns) || !zone(&c, &zoned, offset) || !at_end(&c)) return false;
    *us = ns / 1000;
    return true;
}

bool ps_parse_timestamp(ps_str text, ps_unit unit, bool zoned, int64_t *out)
{
    cursor c = cursor_of(text);
    int64_t days, ns = 0;
    int32_t offset = 0;
    bool has_zone = false;

    if (!date(&c, &days)) return false;
    if (!at_end(&c)) {
        if (!take(&c, ' ') && !take(&c, 'T')) return false;
        skip_blanks(&c);
        if (!clock_time(&c, &ns) || !zone(&c, &has_zone, &offset) || !at_end(&c)) return false;
    }
    const int64_t per_second = ps_unit_per_second(unit);
    ps_i128 value = ((ps_i128)days * 86400 - (zoned ? offset : 0)) * per_second;
    value += floor_div(ns, NS_PER_SECOND / per_second);
    if (value < INT64_MIN || value > INT64_MAX) return false;
    *out = (int64_t)value;
    return true;
}

/* What one of a unit is: months, days or nanoseconds; the first that is not 0. */
typedef struct interval_unit {
    const char *name;
    int32_t months, days;
    int64_t ns;
} interval_unit;
static const interval_unit interval_units[] = {
    {"y", 12, 0, 0},
    {"yr", 12, 0, 0},
    {"year", 12, 0, 0},
    {"mon", 1, 0, 0},
    {"month", 1, 0, 0},
    {"quarter", 3, 0, 0},
    {"decade", 120, 0, 0},
    {"century", 1200, 0, 0},
    {"centurie", 1200, 0, 0},
    {"c", 1200, 0, 0},
    {"millennium", 12000, 0, 0},
    {"millennia", 12000, 0, 0},
    {"w", 0, 7, 0},
    {"week", 0, 7, 0},
    {"d", 0, 1, 0},
    {"day", 0, 1, 0},
    {"h", 0, 0, 3600 * NS_PER_SECOND},
    {"hr", 0, 0, 3600 * NS_PER_SECOND},
    {"hour", 0, 0, 3600 * NS_PER_SECOND},
    {"m", 0, 0, 60 * NS_PER_SECOND},
    {"min", 0, 0, 60 * NS_PER_SECOND},
    {"minute", 0, 0, 60 * NS_PER_SECOND},
    {"s", 0, 0, NS_PER_SECOND},
    {"sec", 0, 0, NS_PER_SECOND},
    {"second", 0, 0, NS_PER_SECOND},
    {"ms", 0, 0, 1000000},
    {"msec", 0, 0, 1000000},
    {"millisecond", 0, 0, 1000000},
    {"us", 0, 0, 1000},
    {"usec", 0, 0, 1000},
    {"microsecond", 0, 0, 1000},
    {"ns", 0, 0, 1},
    {"nanosecond", 0, 0, 1},
};

/* A lone number without a unit counts seconds. */
static const interval_unit interval_second = {"second", 0, 0, NS_PER_SECOND};

static const interval_unit *unit_find(cursor *c)
{
    const char *start = c->at;

    while ((peek(c) | 32) >= 'a' && (peek(c) | 32) <= 'z') c->at++;
    ps_str name = {start, (size_t)(c->at - start)};
    for (int plural = 0; plural < 2; plural++) {
        for (size_t i = 0; i < PS_COUNT(interval_units); i++)
            if (ps_str_equal_nocase(name, ps_str_of(interval_units[i].name)))
                return &interval_units[i];
        if (name.n < 2 || (name.at[name.n - 1] | 32) != 's') return NULL;
        name.n--;
    }
    return NULL;
}

/* Sums in wide numbers, checked at the end. */
typedef struct interval_sum {
    ps_i128 months, days, ns;
} interval_sum;

/* value (times 1e9) of unit: fractions of months become days of 30 to the month, of days time. */
static void interval_add(interval_sum *sum, ps_i128 value, const interval_unit *unit)
{
    const ps_i128 one = NS_PER_SECOND;

    if (unit->months) {
        const ps_i128 months = value * unit->months, rest = months % one;
        sum->months += months / one;
        value = unit->months > 1 ? 0 : rest * 30; /* of a year only whole months */
    } else if (unit->days) {
        value *= unit->days;
    } else {
        sum->ns += value / one * unit->ns + value % one * unit->ns / one;
        return;
    }
    sum->days += value / one;
    sum->ns += value % one * NS_PER_DAY / one;
}

/* [+-]digits[.digits] times 1e9. */
static bool interval_number(cursor *c, ps_i128 *out, bool *negative)
{
    int64_t whole = 0, ns = 0;

    *negative = peek(c) == '-';
    if (peek(c) == '-' || peek(c) == '+') c->at++;
    if (!is_digit(peek(c)) && peek(c) != '.') return false;
    if (is_digit(peek(c)) && !number(c, 1, 18, &whole)) return false;
    fraction(c, &ns);
    *out = (ps_i128)whole * NS_PER_SECOND + ns;
    return true;
}

/* 04:05[:06.5]: hours may pass 24. */
static bool interval_clock(cursor *c, ps_i128 hours, interval_sum *sum, bool negative)
{
    int64_t minutes, seconds = 0, rest = 0;

    if (!number(c, 1, 2, &minutes)) return false;
    if (take(c, ':') && (!number(c, 1, 2, &seconds) || !fraction(c, &rest))) return false;
    if (minutes > 59 || seconds > 59) return false;
    const ps_i128 ns = hours * 3600 + (ps_i128)(minutes * 60 + seconds) * NS_PER_SECOND +
                       rest; /* hours come times 1e9 */
    sum->ns += negative ? -ns : ns;
    return true;
}

bool ps_parse_interval(ps_str text, ps_interval *out)
{
    cursor c = cursor_of(text);
    interval_sum sum = {0};
    bool any = false, ago = false;

    while (!at_end(&c)) {
        ps_i128 value;
        bool negative;
        skip_blanks(&c);
        if (any && take_word(&c, "ago")) {
            ago = true;
            break;
        }
        if (!interval_number(&c, &value, &negative)) return false;
        if (take(&c, ':')) {
            if (!interval_clock(&c, value, &sum, negative)) return false;
        } else {
            skip_blanks(&c);
            const interval_unit *unit = at_end(&c) && !any ? &interval_second : unit_find(&c);
            if (!unit) return false;
            interval_add(&sum, negative ? -value : value, unit);
        }
        any = true;
        skip_blanks(&c);
    }
    if (!any || !at_end(&c)) return false;
    if (ago) sum.months = -sum.months, sum.days = -sum.days, sum.ns = -sum.ns;
    if (sum.months < INT32_MIN || sum.months > INT32_MAX || sum.days < INT32_MIN ||
        sum.days > INT32_MAX)
        return false;
    if (sum.ns < INT64_MIN || sum.ns > INT64_MAX) return false;
    *out = (ps_interval){(int32_t)sum.months, (int32_t)sum.days, (int64_t)sum.ns};
    return true;
}
