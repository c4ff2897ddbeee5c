/* base/banned.h -- functions nobody may call; included before every source by the build.
 *
 * The system headers that declare them come first, so that only calls are caught: a call expands
 * to an undeclared name that says what to use. tools/lint.py checks the same list as text, also
 * where this header does not reach (shell, tests). */
#ifndef PS_BASE_BANNED_H
#define PS_BASE_BANNED_H

#if defined(__x86_64__)
#include <mm_malloc.h> /* immintrin.h's own, which calls malloc */
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PS_BANNED(name, instead) ps_banned_##name##_use_##instead
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef atoi
#undef atol
#undef atof
#undef strtok
#undef gmtime
#undef localtime
#undef rand
#undef srand
#define strcpy(...)    PS_BANNED(strcpy, memcpy_with_a_length)
#define strcat(...)    PS_BANNED(strcat, ps_str)
#define sprintf(...)   PS_BANNED(sprintf, snprintf)
#define vsprintf(...)  PS_BANNED(vsprintf, vsnprintf)
#define atoi(...)      PS_BANNED(atoi, a_checked_parser)
#define atol(...)      PS_BANNED(atol, a_checked_parser)
#define atof(...)      PS_BANNED(atof, a_checked_parser)
#define strtok(...)    PS_BANNED(strtok, a_loop)
#define gmtime(...)    PS_BANNED(gmtime, our_calendar)
#define localtime(...) PS_BANNED(localtime, our_calendar)
#define rand(...)      PS_BANNED(rand, a_seeded_generator)
#define srand(...)     PS_BANNED(srand, a_seeded_generator)

/* base/ implements ps_alloc and is built with PS_MAY_MALLOC. */
#ifndef PS_MAY_MALLOC
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#define malloc(...)  PS_BANNED(malloc, ps_alloc)
#define calloc(...)  PS_BANNED(calloc, ps_alloc_zero)
#define realloc(...) PS_BANNED(realloc, ps_realloc)
#define strdup(...)  PS_BANNED(strdup, an_arena)
#endif

#endif
