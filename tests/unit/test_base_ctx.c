/* tests/unit/test_base_ctx.c -- failures, polling, diagnostics, statuses. */
#include "unit.h"

#include "base/diag.h"
#include "base/mem.h"

static void failures_record_context_and_hint(void **state)
{
    ps_ctx cx;
    (void)state;
    ps_ctx_init(&cx, NULL, NULL);
    assert_int_equal(ps_fail(&cx, PS_DATA, "a page is cut: %d", 7), PS_DATA);
    assert_int_equal(ps_while(&cx, PS_DATA, "reading %s", "a.parquet"), PS_DATA);
    ps_hint(&cx, "write it again");
    ps_fail_at(&cx, 0);
    ps_fail_at(&cx, 9); /* the first position stays */
    assert_string_equal(cx.error.message, "a page is cut: 7 while reading a.parquet");
    assert_string_equal(cx.error.hint, "write it again");
    assert_int_equal(cx.error.offset, 1);
    ps_fail(&cx, PS_VALUE, "wrapped: %s", cx.error.message); /* may quote the old message */
    assert_string_equal(cx.error.message, "wrapped: a page is cut: 7 while reading a.parquet");
    assert_int_equal(cx.error.hint[0], 0);
    ps_ctx_clear(&cx);
    assert_int_equal(cx.error.code, PS_OK);
}

static void long_messages_end_at_a_code_point(void **state)
{
    char text[3001];
    ps_ctx cx;
    (void)state;
    ps_ctx_init(&cx, NULL, NULL);
    for (int shift = 0; shift < 3; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = 0; i < 999; i++) memcpy(text + shift + i * 3, "\xE2\x82\xAC", 3);
        text[3000] = 0;
        ps_fail(&cx, PS_VALUE, "%s", text);
        const size_t n = strlen(cx.error.message);
        assert_in_range(n, sizeof cx.error.message - 3, sizeof cx.error.message - 1);
        assert_int_equal((n - (size_t)shift) % 3, 0);
        ps_while(&cx, PS_VALUE, "adding more");
    }
}

static void polling_sees_cancel_and_deadline(void **state)
{
    ps_cancel cancel = {0};
    ps_ctx cx, child;
    (void)state;
    ps_ctx_init(&cx, NULL, NULL);
    assert_int_equal(ps_poll(&cx), PS_OK);
    ps_ctx_init(&cx, NULL, &cancel);
    assert_int_equal(ps_poll(&cx), PS_OK);
    cancel.deadline_ns = ps_clock_ns() - 1;
    assert_int_equal(ps_poll(&cx), PS_TIMEOUT);
    cancel.code = PS_CANCELLED;
    ps_ctx_child(&cx, &child);
    assert_int_equal(child.error.code, PS_OK);
    assert_int_equal(ps_poll(&child), PS_CANCELLED);
    assert_int_equal(child.error.code, PS_CANCELLED);
}

static void listen(void *user, const ps_diag_event *event)
{
    *(int *)user += event->code == PS_DIAG_NOTE;
}

static void the_recorder_keeps_order_and_counts_losses(void **state)
{
    ps_mem mem;
    ps_ctx cx;
    ps_diag diag;
    int heard = 0;
    (void)state;
    ps_mem_init(&mem, NULL, "instance", 0);
    ps_ctx_init(&cx, &mem, NULL);
    ps_diag_add(&cx, PS_PHASE_PARSE, PS_SEVERITY_INFO, PS_DIAG_NOTE, "nobody listens");
    ps_diag_init(&diag, &mem, 3);
    ps_diag_listen(&diag, listen, &heard);
    diag.severity_min = PS_SEVERITY_INFO;
    cx.diag = &diag;
    ps_diag_add(&cx, PS_PHASE_BIND, PS_SEVERITY_DEBUG, PS_DIAG_NOTE, "below the threshold");
    for (int i = 0; i < 5; i++)
        ps_diag_add(&cx, PS_PHASE_BIND, PS_SEVERITY_INFO, PS_DIAG_NOTE, "event %d", i);
    assert_int_equal(diag.n, 3);
    assert_int_equal(diag.lost, 2);
    assert_int_equal(heard, 5);
    assert_string_equal(diag.events[2].text, "event 2");
    assert_string_equal(ps_phase_name(diag.events[2].phase), "bind");
    ps_diag_release(&diag);
    assert_int_equal(mem.used, 0);
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(ps_status_name(PS_VALUE), "VALUE");
    assert_string_equal(ps_status_sqlstate(PS_TIMEOUT), "57014");
    assert_string_equal(ps_status_name((ps_status)12345), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_record_context_and_hint),
        cmocka_unit_test(long_messages_end_at_a_code_point),
        cmocka_unit_test(polling_sees_cancel_and_deadline),
        cmocka_unit_test(the_recorder_keeps_order_and_counts_losses),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
