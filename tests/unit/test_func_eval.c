/* tests/unit/test_func_eval.c -- scalar functions value by value, against what DuckDB 2.0 answers.
 *
 * Each case is resolved by name like a query's call and its kernel runs three times: over
 * constants, over flat rows with a null between, and over a selection of dictionary-encoded rows;
 * all must agree. An argument is written s:text, i:1, d:1.25 (decimal), f:1.5 (double), b:true,
 * D:date, T:timestamp, M:time, V:interval or n (NULL). A result "!" is an error, "NULL" a null. */
#include "eval/program.h"
#include "func/func.h"

#include "func_fixture.h"

typedef struct example {
    const char *name, *args, *want;
} example;

static ps_value arg_value(fixture *f, const char *text, size_t n)
{
    const ps_value s = ps_value_str((ps_str){text + 2, n > 2 ? n - 2 : 0});
    ps_type to = PS_TYPE(NULL);
    ps_value out;
    bool ok;

    switch (text[0]) {
    case 's': return s;
    case 'i': to = PS_TYPE(INT32); break;
    case 'l': to = PS_TYPE(INT64); break;
    case 'f': to = PS_TYPE(FLOAT64); break;
    case 'b': to = PS_TYPE(BOOL); break;
    case 'D': to = PS_TYPE(DATE); break;
    case 'T': to = PS_TYPE_SQL_TIMESTAMP; break;
    case 'M': to = PS_TYPE_SQL_TIME; break;
    case 'V': to = PS_TYPE(INTERVAL); break;
    case 'd': {
        const char *point = memchr(text, '.', n);
        const int scale = point ? (int)(text + n - point - 1) : 0;
        int digits = 0;
        for (size_t i = 2; i < n; i++) digits += text[i] >= '0' && text[i] <= '9';
        to = ps_type_decimal(digits, scale);
        break;
    }
    default: return ps_value_null(PS_TYPE(NULL));
    }
    assert_int_equal(ps_cast_value(&f->cx, &f->arena, &s, to, &ok, &out), PS_OK);
    assert_true(ok);
    return out;
}

/* The text of row of the result, "!" for an error. */
static void result_text(fixture *f, const ps_vec *out, const uint64_t *errors, uint32_t row,
                        char *text, size_t room)
{
    ps_text printed;

    if (ps_bit_get(errors, row)) {
        snprintf(text, room, "!");
        return;
    }
    if (!ps_vec_row_valid(out, row)) {
        snprintf(text, room, "NULL");
        return;
    }
    ps_text_init(&printed, &f->cx);
    ps_vec_print(out, row, &printed);
    snprintf(text, room, "%s", printed.at ? printed.at : "");
    ps_text_release(&printed);
}

enum { FORM_CONSTANT, FORM_FLAT, FORM_DICT, FORM_COUNT };

static void make_arg(fixture *f, const ps_value *value, int form, ps_vec *out)
{
    const uint32_t n = 5;
    ps_vec one;

    assert_int_equal(ps_vec_constant(&f->cx, &f->arena, value, n, &one), PS_OK);
    *out = one;
    if (form == FORM_CONSTANT) return;
    const size_t bytes = ps_layout_bytes((ps_layout)one.layout);
    uint8_t *slots = ps_arena_alloc(&f->cx, &f->arena, bytes * 64 + 64);
    uint64_t *valid = ps_arena_alloc(&f->cx, &f->arena, 8);
    *valid = value->null ? 0 : 0x1D; /* row 1 is null */
    for (uint32_t i = 0; i < n && !value->null; i++)
        if (i != 1) memcpy(slots + i * bytes, one.data, bytes);
    if (form == FORM_FLAT) {
        ps_vec_flat(out, value->type, (ps_layout)one.layout, slots, valid, n);
        return;
    }
    ps_dict *dict = ps_arena_alloc(&f->cx, &f->arena, sizeof *dict);
    uint32_t *codes = ps_arena_alloc(&f->cx, &f->arena, 64 * sizeof *codes);
    dict->id = ps_dict_next_id();
    ps_vec_flat(&dict->values, value->type, (ps_layout)one.layout, slots, NULL, n);
    for (uint32_t i = 0; i < n; i++) codes[i] = i == 1 ? 0 : 4 - i == 1 ? 2 : 4 - i;
    ps_vec_flat(out, value->type, (ps_layout)one.layout, NULL, valid, n);
    out->encoding = PS_ENC_DICTIONARY;
    out->codes = codes, out->dict = dict;
}

static void run(fixture *f, const example *e, const ps_expr *call_expr, const ps_value *values,
                uint32_t n, int form)
{
    ps_vec args[12], out = {.type = call_expr->type, .n = 5};
    uint64_t errors_bits = 0, valid = 0x1F;
    ps_row_errors errors = {.rows = &errors_bits};
    ps_vec_buf buf;
    static const uint32_t sel[] = {0, 1, 3, 4};
    ps_call call = {.cx = &f->cx,
                    .expr = call_expr,
                    .args = args,
                    .n_args = n,
                    .n = 5,
                    .buf = &buf,
                    .out = &out,
                    .errors = &errors};
    const ps_func *func = call_expr->func;
    char text[512];

    if (form == FORM_DICT) call.sel = sel, call.n = 4;
    for (uint32_t i = 0; i < n; i++) {
        make_arg(f, &values[i], form, &args[i]);
        if (values[i].null) valid = 0;
        else if (form != FORM_CONSTANT) valid &= 0x1D;
    }
    if (func->nulls == PS_NULLS_PROPAGATE && valid != 0x1F) out.valid = &valid;
    assert_int_equal(ps_vec_buf_init(&f->cx, &buf, 64), PS_OK);
    if (func->scalar->prepare)
        assert_int_equal(func->scalar->prepare(&f->cx, &f->arena, call_expr, &call.state), PS_OK);
    if (func->scalar->eval(&call) != PS_OK)
        fail_msg("%s(%s): %s", e->name, e->args, f->cx.error.message);
    for (uint32_t row = 0; row < 5; row++) {
        if (row == 2 && form == FORM_DICT) continue;
        if (row == 1 && form != FORM_CONSTANT && func->nulls != PS_NULLS_PROPAGATE) continue;
        result_text(f, &out, &errors_bits, row, text, sizeof text);
        const char *want = row == 1 && form != FORM_CONSTANT && n > 0 ? "NULL" : e->want;
        if (strcmp(text, want))
            fail_msg("%s(%s) form %d row %u: '%s', not '%s'", e->name, e->args, form, row, text,
                     want);
    }
    if (func->scalar->release) func->scalar->release(call.state);
    ps_vec_buf_release(&buf);
}

/* The same through a program, as a query's constant. */
static void run_program(fixture *f, const example *e, const ps_expr *call)
{
    ps_value value;
    ps_text text;
    const ps_status st = ps_eval_constant(&f->cx, &f->arena, call, &value);

    if (strcmp(e->want, "!") == 0) {
        if (st != PS_VALUE) fail_msg("%s(%s): no error by a program", e->name, e->args);
        assert_true(f->cx.error.message[0] != 0);
        ps_ctx_clear(&f->cx);
        return;
    }
    if (st != PS_OK) fail_msg("%s(%s): %s", e->name, e->args, f->cx.error.message);
    ps_text_init(&text, &f->cx);
    if (value.null) ps_text_puts(&text, "NULL");
    else ps_value_print(&value, &text);
    if (strcmp(text.at ? text.at : "", e->want))
        fail_msg("%s(%s) by a program: '%s'", e->name, e->args, text.at);
    ps_text_release(&text);
}

static void check(fixture *f, const example *e)
{
    const ps_expr *args[12];
    ps_value values[12];
    uint32_t n = 0;

    for (const char *at = e->args; *at;) {
        const size_t length = strcspn(at, "|");
        values[n] = arg_value(f, at, length);
        args[n] = ps_expr_literal(&f->cx, &f->arena, &values[n]);
        n++;
        at += length + (at[length] == '|');
    }
    const ps_expr *call = ps_func_call(&f->cx, &f->arena, ps_str_of(e->name), args, n);
    if (!call) fail_msg("%s(%s): %s", e->name, e->args, f->cx.error.message);
    for (uint32_t i = 0; i < n; i++) {
        const ps_expr *arg = call->args[i];
        if (arg->kind == PS_EXPR_CAST)
            fail_msg("%s(%s): argument %u was not folded", e->name, e->args, i);
        values[i] = arg->literal;
    }
    for (int form = 0; form < FORM_COUNT; form++) run(f, e, call, values, n, form);
    run_program(f, e, call);
}

static const example text_cases[] = {
    {"lower", "s:ÀÉß", "àéß"},
    {"upper", "s:àéß", "ÀÉẞ"},
    {"upper", "s:hello world, a longer text", "HELLO WORLD, A LONGER TEXT"},
    {"length", "s:àé", "2"},
    {"length", "s:日本語テキスト and ascii äöü", "21"},
    {"like", "s:parquet|s:par%", "true"},
    {"like", "s:parquet|s:parq%", "true"},
    {"like", "s:parquet|s:parqu%", "true"},
    {"like", "s:parquet|s:parqa%", "false"},
    {"like", "s:par|s:parq%", "false"},
    {"like", "s:p|s:p%", "true"},
    {"like", "s:a much longer text|s:a much lo%", "true"},
    {"like", "s:a much longer text|s:a much la%", "false"},
    {"like", "s:text|s:%text", "true"},
    {"like", "s:ext|s:%text", "false"},
    {"not_like", "s:a much longer text|s:%long%", "false"},
    {"glob", "s:parquet|s:par*", "true"},
    {"glob", "s:abc|s:a?c", "true"},
    {"glob", "s:abc|s:a[!b]c", "false"},
    {"glob", "s:abc|s:a[a-c]c", "true"},
    {"glob", "s:abc|s:*", "true"},
    {"glob", "s:|s:*", "true"},
    {"glob", "s:|s:", "true"},
    {"glob", "s:a|s:", "false"},
    {"glob", "s:aXbXc|s:a*b*c", "true"},
    {"glob", "s:abcb|s:a*b", "true"},
    {"glob", "s:abcd|s:a*b", "false"},
    {"glob", "s:a*c|s:a\\*c", "true"},
    {"glob", "s:abc|s:a\\*c", "false"},
    {"glob", "s:a]c|s:a[]]c", "true"},
    {"glob", "s:äbc|s:?bc", "true"},
    {"glob", "s:abc|s:a[b", "false"},
    {"glob", "s:aaaaaaaaaaaaab|s:*a*a*a*a*b", "true"},
    {"glob", "s:a-c|s:a[-]c", "true"},
    {"glob", "s:abc|s:[a-z][a-z][a-z]", "true"},
    {"strlen", "s:àé", "4"},
    {"bit_length", "s:àé", "32"},
    {"substring", "s:hello|i:2|i:3", "ell"},
    {"substring", "s:hello|i:-3", "llo"},
    {"substring", "s:hello|i:-3|i:2", "ll"},
    {"substring", "s:hello|i:0|i:2", "h"},
    {"substring", "s:hello|i:0", "hello"},
    {"substring", "s:hello|i:-10|i:7", "he"},
    {"substring", "s:hello|i:2|i:-1", "h"},
    {"substring", "s:hello|i:10|i:2", ""},
    {"substring", "s:hello|i:3|i:-2", "he"},
    {"substring", "s:ünïcödé wörds that are long|i:3|i:18", "ïcödé wörds that a"},
    {"substring", "s:hello|l:9223372036854775807|l:9223372036854775807", ""},
    {"substring", "s:hello|l:-9223372036854775808|l:-9223372036854775808", ""},
    {"left", "s:hello|i:2", "he"},
    {"left", "s:hello|i:-2", "hel"},
    {"left", "s:hello|i:0", ""},
    {"left", "s:hello|l:-9223372036854775808", ""},
    {"right", "s:hello|i:2", "lo"},
    {"right", "s:hello|i:-2", "llo"},
    {"right", "s:héllo|i:4", "éllo"},
    {"right", "s:hello|l:-9223372036854775808", ""},
    {"trim", "s:  a b ", "a b"},
    {"trim", "s:xxaxx|s:x", "a"},
    {"ltrim", "s:xyax|s:xy", "ax"},
    {"rtrim", "s:xyax|s:xy", "xya"},
    {"trim", "s:éaé|s:é", "a"},
    {"trim", "s:aaa|s:a", ""},
    {"lpad", "s:a|i:5|s:xy", "xyxya"},
    {"rpad", "s:a|i:5|s:xy", "axyxy"},
    {"lpad", "s:hello|i:2|s:x", "he"},
    {"lpad", "s:a|i:5|s:", "!"},
    {"lpad", "s:a|i:4|s:é", "éééa"},
    {"rpad", "s:hello|i:-3|s:x", ""},
    {"replace", "s:aaa|s:a|s:bb", "bbbbbb"},
    {"replace", "s:aaa|s:|s:b", "aaa"},
    {"replace", "s:a long text, to be changed|s:text|s:", "a long , to be changed"},
    {"reverse", "s:àbc", "cbà"},
    {"repeat", "s:ab|i:3", "ababab"},
    {"repeat", "s:ab|i:-1", ""},
    {"repeat", "s:ab|l:9223372036854775807", "!"},
    {"concat", "s:a|n|i:1|b:true", "a1true"},
    {"concat_ws", "s:,|s:a|n|s:b", "a,b"},
    {"||", "s:a|s:b", "ab"},
    {"||", "s:a longer text|s: and more of it", "a longer text and more of it"},
    {"||", "s:a|i:1", "a1"},
    {"||", "s:a|n", "NULL"},
    {"starts_with", "s:abc|s:", "true"},
    {"starts_with", "s:abc|s:abcd", "false"},
    {"ends_with", "s:abc|s:bc", "true"},
    {"contains", "s:abc|s:b", "true"},
    {"contains", "s:the quick brown fox jumps over the lazy dog|s:lazy", "true"},
    {"contains", "s:the quick brown fox jumps over the lazy dog|s:lazz", "false"},
    {"contains", "s:the quick brown fox jumps over the lazy dog|s:the lazy dog", "true"},
    {"contains", "s:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab|s:aab", "true"},
    {"strpos", "s:abc|s:b", "2"},
    {"strpos", "s:abc|s:z", "0"},
    {"strpos", "s:abc|s:", "1"},
    {"instr", "s:àbc|s:c", "3"},
    {"split_part", "s:a,b,c|s:,|i:2", "b"},
    {"split_part", "s:a,b,c|s:,|i:-1", "c"},
    {"split_part", "s:a,b,c|s:,|i:0", ""},
    {"split_part", "s:a,b,c|s:,|i:9", ""},
    {"split_part", "s:a,b,c|s:,|i:-3", "a"},
    {"split_part", "s:a,b,c|s:,|i:-4", ""},
    {"split_part", "s:a,|s:,|i:2", ""},
    {"split_part", "s:abc|s:|i:1", "a"},
    {"split_part", "s:abc|s:|i:2", "b"},
    {"split_part", "s:a::b::c|s:::|i:2", "b"},
    {"ascii", "s:é", "233"},
    {"ascii", "s:", "0"},
    {"unicode", "s:", "-1"},
    {"chr", "i:233", "é"},
    {"chr", "i:-1", "!"},
    {"chr", "i:1114112", "!"},
    {"initcap", "s:hello wORLD", "Hello World"},
    {"translate", "s:abcba|s:ab|s:x", "xcx"},
    {"hex", "s:abc", "616263"},
    {"hex", "i:255", "FF"},
    {"hex", "i:-1", "FFFFFFFFFFFFFFFF"},
    {"unhex", "s:616", "\\x06\\x16"},
    {"unhex", "s:61", "a"},
    {"unhex", "s:6g", "!"},
    {"like", "s:abc|s:a_c", "true"},
    {"like", "s:abc|s:a\\%|s:\\", "false"},
    {"like", "s:a%|s:a\\%|s:\\", "true"},
    {"like", "s:abc|s:abc\\|s:\\", "!"},
    {"like", "s:abc|s:abc|s:xx", "!"},
    {"like", "s:àbc|s:_bc", "true"},
    {"like", "s:abc|s:%", "true"},
    {"like", "s:|s:%", "true"},
    {"like", "s:|s:", "true"},
    {"like", "s:a|s:", "false"},
    {"like", "s:abc|s:%c", "true"},
    {"like", "s:abc|s:%b", "false"},
    {"like", "s:abcbc|s:%bc", "true"},
    {"like", "s:abc|s:a%%c", "true"},
    {"like", "s:abc|s:%a%b%c%", "true"},
    {"like", "s:abc|s:%c%b%", "false"},
    {"like", "s:abab|s:%ab_b", "true"},
    {"like", "s:xxabyb|s:%ab_b", "true"},
    {"like", "s:aXbéc|s:a%b_c", "true"},
    {"like", "s:aa|s:a%a", "true"},
    {"like", "s:a|s:a%a", "false"},
    {"like", "s:special packages requests|s:%special%requests%", "true"},
    {"like", "s:the furiously special unusual deposits|s:%special%requests%", "false"},
    {"like", "s:PROMO BURNISHED COPPER|s:PROMO%", "true"},
    {"like", "s:MEDIUM POLISHED BRASS|s:%BRASS", "true"},
    {"like", "s:a%b|s:%!%%|s:!", "true"},
    {"like", "s:ab|s:__", "true"},
    {"like", "s:é|s:_", "true"},
    {"like", "s:é|s:__", "false"},
    {"like", "s:abc|s:_%_", "true"},
    {"like", "s:a|s:_%_", "false"},
    {"ilike", "s:ABC|s:aBc", "true"},
    {"ilike", "s:ÀB|s:àb", "true"},
    {"not_like", "s:abc|s:a%", "false"},
    {"similar_to", "s:abc|s:a(b+)c", "true"},
    {"similar_to", "s:xabc|s:abc", "false"},
    {"regexp_matches", "s:abc|s:b", "true"},
    {"regexp_matches", "s:aBc|s:b|s:i", "true"},
    {"regexp_full_match", "s:abc|s:b", "false"},
    {"regexp_full_match", "s:a|s:a+", "true"},
    {"regexp_full_match", "s:abc|s:a.*", "true"},
    {"regexp_replace", "s:abcb|s:b|s:X", "aXcb"},
    {"regexp_replace", "s:abcb|s:b|s:X|s:g", "aXcX"},
    {"regexp_replace", "s:abc|s:(b)|s:[\\1\\0]", "a[bb]c"},
    {"regexp_replace", "s:abc|s:B|s:x|s:i", "axc"},
    {"regexp_replace", "s:abc|s:|s:-|s:g", "-a-b-c-"},
    {"regexp_replace", "s:abc|s:z|s:x", "abc"},
    {"regexp_extract", "s:abc|s:b(.)|i:1", "c"},
    {"regexp_extract", "s:abc|s:b(.)", "bc"},
    {"regexp_extract", "s:abc|s:z(.)", ""},
    {"regexp_extract", "s:abc|s:b|i:3", ""},
    {"regexp_matches", "s:a|s:(", "!"},
    {"regexp_matches", "s:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab|s:(a+)+$", "!"},
    {"greatest", "s:a|s:c|s:b", "c"},
};
static const example number_cases[] = {
    {"abs", "i:-5", "5"},
    {"abs", "d:-1.5", "1.5"},
    {"abs", "f:-1.5", "1.5"},
    {"sign", "f:-2", "-1"},
    {"sign", "f:nan", "0"},
    {"sign", "d:-1.5", "-1"},
    {"ceil", "d:1.5", "2"},
    {"ceil", "d:-1.5", "-1"},
    {"floor", "d:-1.5", "-2"},
    {"floor", "f:-1.5", "-2.0"},
    {"ceil", "f:-1.5", "-1.0"},
    {"round", "f:2.5", "3.0"},
    {"round", "f:-2.5", "-3.0"},
    {"round", "d:2.345|i:2", "2.35"},
    {"round", "d:-2.345|i:2", "-2.35"},
    {"round", "f:2.345|i:2", "2.35"},
    {"round", "f:1250.5|i:-2", "1300.0"},
    {"round", "i:1250|i:-2", "1300"},
    {"round", "i:1250|i:2", "1250"},
    {"round", "d:15.55|i:-1", "20"},
    {"round", "d:15.55|i:5", "15.55"},
    {"round", "d:2.5", "3"},
    {"trunc", "d:-1.5", "-1"},
    {"trunc", "f:1.57|i:1", "1.5"},
    {"trunc", "d:1.57|i:1", "1.5"},
    {"sqrt", "i:4", "2.0"},
    {"sqrt", "s:4", "2.0"},
    {"ln", "i:0", "-inf"},
    {"log", "i:100", "2.0"},
    {"log", "i:2|i:8", "3.0"},
    {"power", "i:2|i:10", "1024.0"},
    {"power", "i:0|i:-1", "inf"},
    {"atan2", "i:1|i:2", "0.4636476090008061"},
    {"degrees", "f:3.141592653589793", "180.0"},
    {"radians", "i:180", "3.141592653589793"},
    {"gcd", "i:12|i:18", "6"},
    {"gcd", "i:-12|i:18", "6"},
    {"gcd", "i:0|i:0", "0"},
    {"lcm", "i:4|i:6", "12"},
    {"lcm", "i:0|i:5", "0"},
    {"factorial", "i:5", "120"},
    {"factorial", "i:33", "8683317618811886495518194401280000000"},
    {"factorial", "i:34", "!"},
    {"factorial", "i:-1", "!"},
    {"greatest", "i:1|n|i:3", "3"},
    {"least", "i:1|n|d:0.5", "0.5"},
    {"greatest", "f:nan|i:1", "nan"},
    {"isnan", "f:nan", "true"},
    {"isinf", "f:-inf", "true"},
    {"isfinite", "f:1", "true"},
    {"&", "i:5|i:3", "1"},
    {"|", "i:5|i:3", "7"},
    {"xor", "i:5|i:3", "6"},
    {"<<", "i:1|i:3", "8"},
    {"<<", "i:1|i:64", "!"},
    {"<<", "i:1|i:31", "!"},
    {"<<", "i:-1|i:1", "!"},
    {"<<", "i:1|i:-1", "!"},
    {">>", "i:16|i:2", "4"},
    {">>", "i:-16|i:2", "-4"},
    {">>", "i:16|i:-1", "0"},
    {">>", "i:16|i:100", "0"},
    {"~", "i:5", "-6"},
    {"bit_count", "i:7", "3"},
    {"bit_count", "i:-1", "32"},
    {"cot", "i:1", "0.6420926159343306"},
};
static const example date_cases[] = {
    {"date_part", "s:year|D:2020-01-31", "2020"},
    {"date_part", "s:epoch|T:2020-01-31 10:00:00", "1580464800.0"},
    {"date_part", "s:dow|D:2020-01-31", "5"},
    {"date_part", "s:isodow|D:2020-01-31", "5"},
    {"date_part", "s:week|D:2020-01-31", "5"},
    {"date_part", "s:doy|D:2020-01-31", "31"},
    {"date_part", "s:quarter|D:2020-01-31", "1"},
    {"date_part", "s:century|D:2020-01-31", "21"},
    {"date_part", "s:decade|D:2020-01-31", "202"},
    {"date_part", "s:millennium|D:2020-01-31", "3"},
    {"date_part", "s:era|D:2020-01-31", "1"},
    {"date_part", "s:julian|D:2020-01-31", "2458880.0"},
    {"date_part", "s:isoyear|D:2021-01-01", "2020"},
    {"date_part", "s:yearweek|D:2021-01-01", "202053"},
    {"date_part", "s:millisecond|T:2020-01-01 10:11:12.345678", "12345"},
    {"date_part", "s:microsecond|T:2020-01-01 10:11:12.345678", "12345678"},
    {"date_part", "s:second|T:2020-01-01 10:11:12.345678", "12"},
    {"date_part", "s:foo|D:2020-01-31", "!"},
    {"date_part", "s:hour|M:10:11:12", "10"},
    {"date_part", "s:year|V:14 months 3 days", "1"},
    {"date_part", "s:month|V:14 months 3 days", "2"},
    {"date_part", "s:hour|V:14 months 33 days 25 hours", "25"},
    {"date_part", "s:epoch|V:14 months 33 days 25 hours", "39682800.0"},
    {"year", "D:1969-12-31", "1969"},
    {"year", "D:0001-01-01", "1"},
    {"month", "T:1969-12-31 23:59:59", "12"},
    {"dayofweek", "D:1969-12-31", "3"},
    {"date_trunc", "s:month|T:2020-01-31 10:00:00", "2020-01-01 00:00:00"},
    {"date_trunc", "s:week|T:2020-01-31 10:00:00", "2020-01-27 00:00:00"},
    {"date_trunc", "s:hour|T:1969-12-31 10:30:00", "1969-12-31 10:00:00"},
    {"date_trunc", "s:quarter|D:2020-02-03", "2020-01-01 00:00:00"},
    {"date_trunc", "s:decade|D:2025-02-03", "2020-01-01 00:00:00"},
    {"date_trunc", "s:century|D:2025-02-03", "2000-01-01 00:00:00"},
    {"date_trunc", "s:isoyear|D:2020-01-31", "2019-12-30 00:00:00"},
    {"date_diff", "s:day|D:2020-01-31|D:2020-03-01", "30"},
    {"date_diff", "s:month|D:2020-01-31|D:2020-03-01", "2"},
    {"date_diff", "s:year|D:2019-12-31|D:2020-01-01", "1"},
    {"date_diff", "s:week|D:2020-01-31|D:2020-03-01", "4"},
    {"date_diff", "s:hour|T:2020-01-31 10:00:00|T:2020-01-31 11:30:00", "1"},
    {"date_diff", "s:quarter|D:2020-01-31|D:2020-03-01", "0"},
    {"date_sub", "s:month|D:2020-01-31|D:2020-03-01", "1"},
    {"date_sub", "s:year|D:2020-02-29|D:2019-03-01", "0"},
    {"+", "D:2020-01-31|i:1", "2020-02-01"},
    {"-", "D:2020-01-31|D:2020-01-01", "30"},
    {"+", "D:2020-01-31|V:1 month", "2020-02-29 00:00:00"},
    {"-", "D:1998-12-01|V:90 days", "1998-09-02 00:00:00"},
    {"-", "D:2020-01-31|V:1 month", "2019-12-31 00:00:00"},
    {"+", "T:2020-01-31 10:00:00|V:1 month 1 day 25 hours", "2020-03-02 11:00:00"},
    {"+", "M:23:00:00|V:2 hours", "01:00:00"},
    {"+", "D:2020-01-31|M:10:00:00", "2020-01-31 10:00:00"},
    {"-", "T:2020-01-03 12:00:00|T:2020-01-01 00:00:00", "2 days 12:00:00"},
    {"*", "V:1 month|i:2", "2 months"},
    {"*", "V:1 month|f:2.5", "2 months 15 days"},
    {"/", "V:1 month|i:2", "15 days"},
    {"/", "V:1 month|i:0", "!"},
    {"negate", "V:1 month", "-1 month"},
    {"+", "D:2020-01-31|i:2147483647", "!"},
    {"make_date", "i:2020|i:2|i:30", "!"},
    {"make_date", "i:2020|i:2|i:28", "2020-02-28"},
    {"make_time", "i:10|i:11|f:12.5", "10:11:12.5"},
    {"make_timestamp", "i:2020|i:1|i:2|i:10|i:11|f:12.5", "2020-01-02 10:11:12.5"},
    {"to_timestamp", "f:1.5", "1970-01-01 00:00:01.5+00"},
    {"epoch_ms", "T:2020-01-31 10:00:00", "1580464800000"},
    {"epoch_ms", "i:1000", "1970-01-01 00:00:01"},
    {"epoch_us", "T:2020-01-31 10:00:00", "1580464800000000"},
    {"epoch_ns", "T:2020-01-31 10:00:00", "1580464800000000000"},
    {"strftime",
     "T:2020-01-31 10:11:12.345678|s:%Y-%m-%d %H:%M:%S.%f %a %A %b %B %j %p %I %y %-d %% %u %w",
     "2020-01-31 10:11:12.345678 Fri Friday Jan January 031 AM 10 20 31 % 5 5"},
    {"strftime", "D:2020-01-31|s:%d/%m/%Y", "31/01/2020"},
    {"strftime", "D:2020-01-31|s:%Q", "!"},
    {"strptime", "s:2020-01-31 10:11|s:%Y-%m-%d %H:%M", "2020-01-31 10:11:00"},
    {"strptime", "s:31 Jan 2020|s:%d %b %Y", "2020-01-31 00:00:00"},
    {"strptime", "s:xx|s:%Y", "!"},
    {"try_strptime", "s:xx|s:%Y", "NULL"},
    {"strptime", "s:12:05 AM|s:%I:%M %p", "1900-01-01 00:05:00"},
    {"age", "T:2020-03-01 00:00:00|T:2019-01-31 00:00:00", "1 year 1 month 1 day"},
    {"age", "T:2019-01-31 00:00:00|T:2020-03-01 00:00:00", "-1 year -1 month -1 day"},
    {"last_day", "D:2020-01-31", "2020-01-31"},
    {"last_day", "T:2020-02-03 01:00:00", "2020-02-29"},
    {"dayname", "D:2020-01-31", "Friday"},
    {"monthname", "D:2020-01-31", "January"},
    {"to_years", "i:2", "2 years"},
    {"to_seconds", "f:1.5", "00:00:01.5"},
    {"epoch", "V:1 month", "2592000.0"},
};

/* Every allocation of a call's resolution and evaluation fails in turn: PS_MEMORY, nothing else. */
static uint32_t torture(fixture *f, const example *e)
{
    uint32_t n_failed = 0;

    for (int64_t n = 1; n < 400; n++) {
        const ps_expr *args[12];
        uint32_t n_args = 0;
        ps_arena arena = {0};
        ps_value value;

        for (const char *at = e->args; *at;) {
            const size_t length = strcspn(at, "|");
            const ps_value v = arg_value(f, at, length);
            args[n_args++] = ps_expr_literal(&f->cx, &f->arena, &v);
            at += length + (at[length] == '|');
        }
        const uint64_t before = ps_mem_alloc_count();
        ps_mem_fail_after(n, false);
        ps_ctx_clear(&f->cx);
        const ps_expr *call = ps_func_call(&f->cx, &arena, ps_str_of(e->name), args, n_args);
        ps_status st = call ? ps_eval_constant(&f->cx, &arena, call, &value) : f->cx.error.code;
        const bool failed = ps_mem_alloc_count() - before >= (uint64_t)n;
        ps_mem_fail_after(0, false);
        ps_arena_release(&arena);
        if (failed && st != PS_MEMORY && st != PS_VALUE && st != PS_OK)
            fail_msg("%s(%s), allocation %lld: %s", e->name, e->args, (long long)n,
                     ps_status_name(st));
        if (!failed) break;
        n_failed += st == PS_MEMORY;
    }
    return n_failed;
}

static void test_allocations(void **state)
{
    uint32_t n = 0;

    for (size_t i = 0; i < PS_COUNT(text_cases); i += 3) n += torture(*state, &text_cases[i]);
    for (size_t i = 0; i < PS_COUNT(number_cases); i += 3) n += torture(*state, &number_cases[i]);
    for (size_t i = 0; i < PS_COUNT(date_cases); i += 3) n += torture(*state, &date_cases[i]);
    assert_true(n > 100);
}

static void check_all(fixture *f, const example *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) check(f, &cases[i]);
}
static void test_text(void **state) { check_all(*state, text_cases, PS_COUNT(text_cases)); }
static void test_numbers(void **state) { check_all(*state, number_cases, PS_COUNT(number_cases)); }
static void test_dates(void **state) { check_all(*state, date_cases, PS_COUNT(date_cases)); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_numbers, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_dates, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_allocations, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
