/* fuzz/arrow.c -- any bytes as instructions for building an Array of the C Data interface, sound or
 * not, which is then imported and read.
 *
 * Sizes of buffers are what the interface doesn't tell, so each has room for any offset that can
 * be made here, and lengths fit the room. What is told of sizes (of views' buffers) is at most what
 * there is: nobody could see more. All else may lie: negative lengths and offsets, counts of
 * buffers and children, validity, offsets inside, type ids, missing parts. */
#include "support/session.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 40, BUFFERS_MAX = 4, CHILDREN_MAX = 4, BUFFER_BYTES = 16384, LENGTH_MAX = 500 };

typedef struct made {
    struct ArrowSchema schema;
    struct ArrowArray array;
    char format[24];
    const void *buffers[BUFFERS_MAX];
    struct ArrowSchema *child_schemas[CHILDREN_MAX];
    struct ArrowArray *children[CHILDREN_MAX];
} made;

static const uint8_t *at, *end;
static made nodes[NODES_MAX];
static size_t n_nodes;
static _Alignas(64) uint8_t room[NODES_MAX * BUFFERS_MAX][BUFFER_BYTES];
static size_t n_rooms;

static uint8_t take(void) { return at < end ? *at++ : 0; }

static const char *const formats[] = {
    "n",     "b",       "c",         "s",          "i",    "l",       "C",       "S",
    "I",     "L",       "e",         "f",          "g",    "tdD",     "tdm",     "tts",
    "ttm",   "ttu",     "ttn",       "tDs",        "tDn",  "tiM",     "tiD",     "tin",
    "u",     "U",       "vu",        "z",          "Z",    "vz",      "+l",      "+L",
    "+vl",   "+vL",     "+s",        "+m",         "+r",   "w:5",     "w:16",    "+w:3",
    "d:9,2", "d:38,10", "d:20,3,64", "d:60,3,256", "tss:", "tsu:UTC", "+ud:0,1", "+us:3,5"};

static void schema_done(struct ArrowSchema *schema) { schema->release = NULL; }
static void array_done(struct ArrowArray *array) { array->release = NULL; }

/* A buffer of small numbers, so that a few of them make sense: as bytes, 32 or 64 bits wide, or of
 * the width that is asked for. */
static const void *buffer_make(size_t asked)
{
    uint8_t *const out = room[n_rooms++];
    const uint8_t kind = take();
    const size_t width = asked ? asked : (size_t[]){1, 4, 8}[kind % 3], n = take();
    uint64_t sum = 0;

    if (kind > 250) return NULL;
    if (!asked) memset(out, kind & 16 ? 0xFF : 0, kind & 32 ? 64 : 0);
    for (size_t i = 0; i < n && width > 1; i++) {
        const uint8_t step = take();
        sum = kind & 8 ? step : sum + step % 16;
        sum %= BUFFER_BYTES;
        if (step == 255) sum = (uint64_t)-(int64_t)take();
        memcpy(out + i * width, &sum, width);
    }
    for (size_t i = 0; i < n && width == 1; i++) out[i] = take();
    return out;
}

/* Of text and bytes: what the last offset says is believed, nothing else tells the size. */
static size_t offset_bytes(const char *format)
{
    return format[0] == 'u' || format[0] == 'z' ? 4 : format[0] == 'U' || format[0] == 'Z' ? 8 : 0;
}

/* Of views: sizes of the buffers with their bytes. */
static void sizes_cut(const void *sizes)
{
    int64_t *const at_most = (int64_t *)(uintptr_t)sizes; /* it is one of ours */

    for (size_t i = 0; sizes && i < BUFFER_BYTES / sizeof *at_most; i++)
        if (at_most[i] > BUFFER_BYTES) at_most[i] = BUFFER_BYTES;
}

static made *node_make(unsigned depth)
{
    made *const m = &nodes[n_nodes++];
    const char *const format = formats[take() % (sizeof formats / sizeof *formats)];
    const bool nested = format[0] == '+';
    uint8_t n_children = nested ? format[1] == 's' || format[1] == 'u' ? 2 : 1 : 0;
    const uint8_t flags = take();

    *m = (made){0};
    memcpy(m->format, format, strlen(format) + 1);
    if (flags == 7) m->format[take() % 4] = (char)take();
    if (format[1] == 'r') n_children = 2;
    if (flags == 9) n_children = take() % (CHILDREN_MAX + 1);
    m->schema = (struct ArrowSchema){.format = m->format,
                                     .name = flags & 64 ? NULL : "x",
                                     .flags = 2,
                                     .children = m->child_schemas,
                                     .release = schema_done};
    m->array = (struct ArrowArray){.length = take() % LENGTH_MAX,
                                   .null_count = flags & 32 ? take() - 1 : -1,
                                   .offset = flags & 16 ? take() % 40 : 0,
                                   .n_buffers = flags == 11 ? take() : 0,
                                   .buffers = m->buffers,
                                   .children = m->children,
                                   .release = array_done};
    if (flags == 13) m->array.length = -1 - (int64_t)take() * (1LL << 40);
    if (flags == 15) m->array.offset = -1 - (int64_t)take() * (1LL << 40);
    for (size_t i = 0; i < BUFFERS_MAX; i++)
        m->buffers[i] = i || flags & 1 ? buffer_make(i == 1 ? offset_bytes(m->format) : 0) : NULL;
    if (flags != 11)
        m->array.n_buffers = format[0] == 'n' || format[1] == 'r'                         ? 0
                             : (strchr("uUzZ", format[0]) || format[1] == 'v')            ? 3
                             : format[0] == 'v'                                           ? 4
                             : format[1] == 's' && nested                                 ? 1
                             : format[1] == 'w' || (format[1] == 'u' && format[2] == 's') ? 1
                                                                                          : 2;
    if (m->format[0] == 'v') {
        if (m->array.n_buffers > BUFFERS_MAX) m->array.n_buffers = BUFFERS_MAX;
        sizes_cut(m->buffers[BUFFERS_MAX - 1]);
    }
    for (uint8_t i = 0; i < n_children && depth < 4 && n_nodes < NODES_MAX - 6; i++) {
        made *const child = node_make(depth + 1);
        m->child_schemas[i] = &child->schema, m->children[i] = &child->array;
        m->schema.n_children = m->array.n_children = i + 1;
    }
    if (flags == 17 && m->array.n_children) m->array.n_children--;
    if (flags % 8 == 3 && depth < 4 && n_nodes < NODES_MAX - 6) {
        made *const child = node_make(depth + 1);
        m->schema.dictionary = &child->schema;
        if (take() != 1) m->array.dictionary = &child->array;
    }
    return m;
}

static made *root;
static int n_batches;

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    (void)stream;
    *out = root->schema;
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    (void)stream;
    *out = n_batches-- > 0 ? root->array : (struct ArrowArray){0};
    return 0;
}

static const char *get_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "";
}

static void stream_done(struct ArrowArrayStream *stream) { stream->release = NULL; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char read[] = "SELECT * FROM input", group[] = "SELECT DISTINCT * FROM input";
    struct ArrowArrayStream stream = {get_schema, get_next, get_error, stream_done, NULL};
    ps_error error = {0};

    at = bytes, end = bytes + n;
    n_nodes = n_rooms = 0;
    memset(room, 0, sizeof room);
    root = node_make(0);
    if (root->format[0] != '+' || root->format[1] != 's') { /* tables are structures */
        made *const column = root;
        root = &nodes[n_nodes++];
        *root = (made){.schema = {.format = "+s", .release = schema_done},
                       .array = {.length = column->array.length, .release = array_done}};
        root->child_schemas[0] = &column->schema, root->children[0] = &column->array;
        root->schema.children = root->child_schemas, root->array.children = root->children;
        root->schema.n_children = root->array.n_children = 1;
        root->array.n_buffers = 1, root->array.buffers = root->buffers;
    }
    n_batches = 1;
    const ps_status status = ps_session_import(fuzz_session(), "input", &stream, &error);
    fuzz_check(status, &error);
    if (status != PS_OK) return 0;
    (void)!fuzz_sql(read, sizeof read - 1, &error);
    (void)!fuzz_sql(group, sizeof group - 1, &error);
    return 0;
}
