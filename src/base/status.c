/* base/status.c -- names, meanings and SQLSTATEs of the statuses, from the list in penstock.h. */
#include "penstock.h"

const char *ps_status_name(ps_status status)
{
    switch (status) {
#define X(NAME, NUMBER, SQLSTATE, TEXT)                                                            \
    case PS_##NAME: return #NAME;
        PS_STATUS_LIST(X)
#undef X
    }
    return "UNKNOWN";
}

const char *ps_status_text(ps_status status)
{
    switch (status) {
#define X(NAME, NUMBER, SQLSTATE, TEXT)                                                            \
    case PS_##NAME: return TEXT;
        PS_STATUS_LIST(X)
#undef X
    }
    return "not a status of this library";
}

const char *ps_status_sqlstate(ps_status status)
{
    switch (status) {
#define X(NAME, NUMBER, SQLSTATE, TEXT)                                                            \
    case PS_##NAME: return SQLSTATE;
        PS_STATUS_LIST(X)
#undef X
    }
    return "XX000";
}

const char *ps_version(void) { return PS_VERSION; }
