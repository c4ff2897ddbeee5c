/* tests/unit/func_fixture.h -- a context and an arena for the tests of functions. */
#ifndef PS_TESTS_FUNC_FIXTURE_H
#define PS_TESTS_FUNC_FIXTURE_H

#include "unit.h"

#include "func/coerce.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    ps_mem mem;
    ps_ctx cx;
    ps_arena arena;
} fixture;

static int fixture_make(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    ps_mem_init(&f->mem, NULL, "test", 0);
    ps_ctx_init(&f->cx, &f->mem, NULL);
    *state = f;
    return 0;
}

static int fixture_end(void **state)
{
    fixture *f = *state;
    ps_arena_release(&f->arena);
    const int64_t left = f->mem.used;
    free(f);
    return left == 0 ? 0 : -1;
}

#endif
