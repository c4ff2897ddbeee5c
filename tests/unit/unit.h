/* tests/unit/unit.h -- what every cmocka test includes first. */
#ifndef PS_TESTS_UNIT_H
#define PS_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
