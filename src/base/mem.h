/* base/mem.h -- memory: who pays, the block allocator, counted owners.
 *
 * Every byte of data is charged to a payer (ps_mem) before it is taken; payers form a tree
 * instance -> query -> operator, and a charge must fit at every level. Blocks of
 * PS_BLOCK_BYTES and more come from our own page allocator, which returns them to the system
 * (the ceiling is resident memory, not our books); smaller ones from malloc, but those of a
 * quarter of that and more are pages too while an eighth of a limit is in use.
 *
 * Threads: payers and blocks may be used from any thread.
 * Fault injection: PS_FAIL_ALLOC=n in the environment of a dev build fails the n-th
 * allocation; ps_mem_fail_after() does the same from a test (tests/unit/test_base_mem.c). */
#ifndef PS_BASE_MEM_H
#define PS_BASE_MEM_H

#include "base/ctx.h"

enum { PS_BLOCK_BYTES = 64 * 1024, PS_ALIGN = 64 };

/* A payer. Zeroed members are right for "no limit". */
struct ps_mem {
    ps_mem *parent;        /* NULL: the root */
    bool counted;          /* made by ps_mem_new */
    const char *name;      /* static: "instance", "query", "hash join" */
    _Atomic int64_t used;  /* bytes charged here and below */
    _Atomic int64_t peak;  /* highest value of used */
    _Atomic int64_t limit; /* bytes; 0: none */
    /* Set aside by ps_mem_reserve, and what of it isn't used now: the parents are charged for used
     * and spare. */
    _Atomic int64_t reserve, spare;
    /* What this one uses counts against the limit too, but for an eighth of it: tables, which all
     * sessions share, beside a session. NULL: none. Set before anything is charged. */
    ps_mem *beside;
    /* Bytes in temporary files, counted the same way beside memory. */
    _Atomic int64_t disk, disk_limit;
    _Atomic bool closed;   /* by who made it: what is left is in others' hands */
    uint64_t number;       /* of counted ones, from 1; never used twice */
    ps_mem *older, *newer; /* all counted ones of the process, for ps_mem_list */
};

/* A payer as it was when it was looked at. */
typedef struct ps_mem_facts {
    uint64_t number, parent; /* parent 0: none */
    const char *name;
    int64_t used, peak, limit, reserve, disk, disk_limit;
    bool closed;
} ps_mem_facts;

void ps_mem_init(ps_mem *mem, ps_mem *parent, const char *name, uint64_t limit);
/* A payer that lives as long as anything charged to it: blocks may outlive the query that made them
 * (rows in a consumer's hands). Closed by whoever made it; NULL: failed. */
ps_mem *ps_mem_new(ps_ctx *cx, ps_mem *parent, const char *name, uint64_t limit)
    __attribute__((warn_unused_result));
void ps_mem_close(ps_mem *mem); /* NULL ok */
/* Lets what `other` uses count against the limit of mem, both counted; other lives as long. */
void ps_mem_set_beside(ps_mem *mem, ps_mem *other);
/* The counted payers below root and root itself, oldest first. Gives how many there are; at most
 * room of them are written. */
size_t ps_mem_list(const ps_mem *root, ps_mem_facts *out, size_t room);
/* Charges bytes to mem and its parents, or fails with PS_MEMORY and charges nothing. */
ps_status ps_mem_charge(ps_ctx *cx, ps_mem *mem, size_t bytes);
/* The same without an error: false when it doesn't fit (the caller can spill instead). */
bool ps_mem_try_charge(ps_mem *mem, size_t bytes);
void ps_mem_uncharge(ps_mem *mem, size_t bytes);
/* Sets bytes aside for mem (0: no more): what it and those below it use up to that many is never
 * refused because of others. False, and nothing changed: it doesn't fit now. One call at a time. */
bool ps_mem_reserve(ps_mem *mem, uint64_t bytes);
uint64_t ps_mem_spare(const ps_mem *mem); /* what of it isn't used now */
/* Bytes in use above what is set aside: what others could have if they were given back. */
uint64_t ps_mem_above_reserve(const ps_mem *mem);
/* The same for bytes in temporary files. *full on false: the payer whose disk_limit is reached. */
bool ps_mem_try_charge_disk(ps_mem *mem, uint64_t bytes, const ps_mem **full);
void ps_mem_uncharge_disk(ps_mem *mem, uint64_t bytes);
/* The lowest limit on the way up; UINT64_MAX: none. A setting, not a measure: what depends on it is
 * the same on every run. */
uint64_t ps_mem_limit(const ps_mem *mem);
/* What of a payer's own limit is for those charged there and below; 0: no limit. */
int64_t ps_mem_own_limit(const ps_mem *mem);
/* What allocations may take above a limit, for a moment: see mem.c. */
uint64_t ps_mem_overdraft(uint64_t limit);
/* Bytes that could still be charged before a limit on the way up is reached. */
uint64_t ps_mem_left(const ps_mem *mem);
/* Bytes that `other` could still be charged before its own limits are reached, and those on the way
 * up from mem that it counts against. */
uint64_t ps_mem_left_beside(const ps_mem *mem, const ps_mem *other);

/* 64-byte aligned, uninitialised, charged to cx->mem (up to ps_mem_overdraft above a limit),
 * readable 64 bytes past its end. NULL with the error recorded on failure; bytes 0 gives a valid
 * block. */
void *ps_alloc(ps_ctx *cx, size_t bytes) __attribute__((malloc, warn_unused_result));
void *ps_alloc_zero(ps_ctx *cx, size_t bytes) __attribute__((malloc, warn_unused_result));
/* Grows or shrinks in the same payer; the old block stays valid on failure. NULL block: alloc. */
void *ps_realloc(ps_ctx *cx, void *block, size_t bytes) __attribute__((warn_unused_result));
void ps_free(void *block); /* NULL ok */
/* Usable bytes of a block. */
size_t ps_block_size(const void *block);
/* Gives every cached free page back to the system (at the end of a query). */
void ps_mem_trim(void);
/* Tests: the n-th allocation from now fails (1: the next), `forever`: all later ones too; 0: off.
 */
void ps_mem_fail_after(int64_t n, bool forever);
int64_t ps_mem_fail_left(void); /* allocations until the one that fails; 0: it has, or none will */
uint64_t ps_mem_alloc_count(void); /* allocations so far in this process */
/* Whether this allocation is the one to fail; for what allocates on top of blocks (arenas). */
bool ps_mem_fault_due(void);

/* A counted owner of memory that vectors point into: an imported Arrow array, a table
 * segment, a result buffer. Embed it first. */
typedef struct ps_owner {
    _Atomic uint32_t refs;
    void (*destroy)(struct ps_owner *owner);
} ps_owner;

PS_INLINE void ps_owner_init(ps_owner *owner, void (*destroy)(ps_owner *))
{
    atomic_init(&owner->refs, 1);
    owner->destroy = destroy;
}
PS_INLINE ps_owner *ps_owner_ref(ps_owner *owner)
{
    /* relaxed: a reference is made from one that is already held */
    if (owner) atomic_fetch_add_explicit(&owner->refs, 1, memory_order_relaxed);
    return owner;
}
PS_INLINE void ps_owner_unref(ps_owner *owner) /* NULL ok */
{
    /* acq_rel: the last holder must see every write made under the other references */
    if (owner && atomic_fetch_sub_explicit(&owner->refs, 1, memory_order_acq_rel) == 1)
        owner->destroy(owner);
}

#endif
