/* col/type_copy.h -- inside col: copying fields into one block (types and schemas). */
#ifndef PS_COL_TYPE_COPY_H
#define PS_COL_TYPE_COPY_H

#include "col/type.h"

/* Bytes that ps_fields_place() takes. */
size_t ps_fields_bytes(const ps_field *fields, uint32_t n);
/* Copy text to *at and move *at on; the fields' types gain a reference each. */
ps_str ps_str_place(char **at, ps_str text);
void ps_fields_place(char **at, const ps_field *src, uint32_t n, ps_field *out);

#endif
