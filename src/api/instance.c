/* api/instance.c -- instances: threads, memory, shared tables; the end of the line for errors. */
#include "api/handles.h"

#include "fs/machine.h"

#include <stdlib.h>
#include <unistd.h>

ps_status ps_give_error(const ps_ctx *cx, ps_status st, ps_error *error)
{
    if (st == PS_OK || !error) return st;
    *error = cx->error;
    error->code = st;
    return st;
}

static uint64_t default_memory(void) { return ps_machine_memory("") / 10 * 8; }

static ps_status instance_configure(ps_ctx *cx, ps_instance *instance,
                                    const ps_instance_options *options)
{
    const char *directory = options->temp_directory ? options->temp_directory : getenv("TMPDIR");
    const ps_str text = ps_str_of(directory && *directory ? directory : "/tmp");

    if (options->threads > 1024)
        return ps_fail(cx, PS_INVALID, "threads must be at most 1024, not: %u", options->threads);
    if (text.n >= sizeof(instance->temp_directory))
        return ps_fail(cx, PS_INVALID, "temp_directory is too long: %s", text.at);
    memcpy(instance->temp_directory, text.at, text.n + 1);
    instance->threads = options->threads ? options->threads : ps_machine_cpus("");
    instance->threads_most = options->threads != 0;
    instance->most = (ps_limits){.timeout_ms = options->timeout_ms,
                                 .rows_scanned = options->rows_scanned_max,
                                 .result_bytes = options->result_bytes_max};
    /* relaxed: nothing runs yet */
    atomic_store_explicit(&instance->mem->disk_limit,
                          (int64_t)PS_MIN(options->temp_bytes_max, (uint64_t)INT64_MAX),
                          memory_order_relaxed);
    return ps_pool_new(cx, instance->threads, &instance->pool);
}

ps_status ps_instance_new(const ps_instance_options *options, ps_instance **out, ps_error *error)
{
    ps_instance_options given = PS_INSTANCE_OPTIONS;
    ps_ctx cx;

    *out = NULL;
    ps_ctx_init(&cx, NULL, NULL);
    if (options) memcpy(&given, options, PS_MIN(options->size, sizeof(given)));
    ps_instance *instance = ps_alloc_zero(&cx, sizeof(*instance));
    if (!instance) return ps_give_error(&cx, PS_MEMORY, error);
    atomic_init(&instance->refs, 1);
    instance->pid = getpid();
    instance->mem = ps_mem_new(&cx, NULL, "instance",
                               given.memory_bytes_max ? given.memory_bytes_max : default_memory());
    ps_status st = PS_MEMORY;
    if (instance->mem) st = ps_store_new(&cx, instance->mem, &instance->tables);
    /* not the store, which is counted beside sessions: sets of unique keys can't be written out */
    ps_relations_init(&instance->relations, instance->mem);
    if (st == PS_OK) st = instance_configure(&cx, instance, &given);
    if (st != PS_OK) {
        ps_instance_unref(instance);
        return ps_give_error(&cx, st, error);
    }
    *out = instance;
    return PS_OK;
}

ps_status ps_instance_check(const ps_instance *instance, ps_error *error)
{
    ps_ctx cx;

    if (instance && instance->pid == getpid()) return PS_OK;
    ps_ctx_init(&cx, NULL, NULL);
    ps_fail(&cx, PS_MISUSE, "%s",
            instance ? "this instance was made before fork(): make a new one in the child"
                     : "a handle is NULL");
    return ps_give_error(&cx, PS_MISUSE, error);
}

ps_instance *ps_instance_ref(ps_instance *instance)
{
    /* relaxed: made from a reference that is held */
    atomic_fetch_add_explicit(&instance->refs, 1, memory_order_relaxed);
    return instance;
}

void ps_instance_unref(ps_instance *instance)
{
    /* acq_rel: the last holder sees everything done under the others */
    if (!instance || atomic_fetch_sub_explicit(&instance->refs, 1, memory_order_acq_rel) != 1)
        return;
    ps_pool_free(instance->pool);
    ps_relations_release(&instance->relations);
    ps_store_unref(instance->tables);
    ps_mem_close(instance->mem);
    ps_free(instance);
    ps_mem_trim();
}

void ps_instance_free(ps_instance *instance) { ps_instance_unref(instance); }
