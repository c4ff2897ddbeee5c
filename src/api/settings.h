/* api/settings.h -- a session's settings by name; the list is settings.def. */
#ifndef PS_API_SETTINGS_H
#define PS_API_SETTINGS_H

#include "base/str.h"
#include "exec/op.h"

enum { PS_SETTING_TEXT_MAX = 1024 };

typedef struct ps_settings {
    ps_exec_settings exec;
    uint64_t max_execution_ms;
    uint64_t fail_alloc;
    bool fail_alloc_all;
    char fail_io[PS_SETTING_TEXT_MAX];
    char temp_directory[PS_SETTING_TEXT_MAX];
    char disabled_rules[PS_SETTING_TEXT_MAX];
    char dialect[PS_SETTING_TEXT_MAX];
    char diagnostics[PS_SETTING_TEXT_MAX];
} ps_settings;

void ps_settings_init(ps_settings *settings);
/* PS_BIND for an unknown name (near names in the message), PS_INVALID for a value out of range. */
ps_status ps_settings_set(ps_ctx *cx, ps_settings *settings, ps_str name, ps_str value);
ps_status ps_settings_reset(ps_ctx *cx, ps_settings *settings, ps_str name);
ps_status ps_settings_get(ps_ctx *cx, const ps_settings *settings, ps_str name, ps_text *out);
/* The i-th setting: name, doc, what it takes; false: there are no more. */
bool ps_settings_at(uint32_t i, const char **name, const char **doc, const char **kind);

#endif
