/* fuzz/support/session.h -- one session of the public API for all inputs of a process, and the only
 * promises that any input may rely on: no crash, no PS_INTERNAL, an end in time. */
#ifndef FUZZ_SUPPORT_SESSION_H
#define FUZZ_SUPPORT_SESSION_H

#include "penstock.h"

/** Fills error as the library does. No statement may take more than two seconds or 256 MiB. */
ps_status fuzz_sql(const char *text, size_t n, ps_error *error);
ps_status fuzz_rows(ps_result *result, ps_error *error); /**< fetches all; frees result */
ps_session *fuzz_session(void);
/** Ends the process with a message when a status is PS_INTERNAL. */
void fuzz_check(ps_status status, const ps_error *error);
/** A new file in memory with these bytes; its name, good until fuzz_file_close(). */
const char *fuzz_file(const uint8_t *bytes, size_t n);
void fuzz_file_close(void);

/* What libFuzzer calls; replay.c calls it where there is none. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#endif
