/* bind/statement.h -- a bound statement: what a session is to do. Made by frontends, run by api.
 *
 * Everything in it lives in the planner's arena (sources too). */
#ifndef PS_BIND_STATEMENT_H
#define PS_BIND_STATEMENT_H

#include "bind/env.h"

typedef struct ps_names {
    const ps_str *at;
    uint32_t n;
} ps_names;

typedef enum ps_statement_kind {
    PS_STATEMENT_NONE,         /* nothing to do */
    PS_STATEMENT_QUERY,        /* plan: run it, give its rows (DESCRIBE and SHOW TABLES too) */
    PS_STATEMENT_COPY,         /* plan: a Write node; run it, give its count */
    PS_STATEMENT_CREATE_TABLE, /* columns, and with AS: plan gives the rows */
    PS_STATEMENT_CREATE_VIEW,  /* sql, names; its query has been bound once and is right */
    PS_STATEMENT_CREATE_SCHEMA,
    PS_STATEMENT_CREATE_INDEX, /* keys[0] of the table `table` under name */
    PS_STATEMENT_INSERT,       /* plan gives rows of exactly the table's columns: append them */
    PS_STATEMENT_DROP,         /* object */
    PS_STATEMENT_SHOW,         /* the setting `name` */
    PS_STATEMENT_SHOW_ALL,     /* every setting */
    PS_STATEMENT_SET,          /* the setting `name` to value */
    PS_STATEMENT_RESET,        /* the setting `name` */
    PS_STATEMENT_EXPLAIN,      /* inner, analyze, rules, form */
    PS_STATEMENT_PREPARE,      /* sql under name; n_params */
    PS_STATEMENT_EXECUTE,      /* name with values */
    PS_STATEMENT_DEALLOCATE,   /* name; empty: all */
    PS_STATEMENT_USE           /* schema `name` */
} ps_statement_kind;

typedef enum ps_object {
    PS_OBJECT_TABLE,
    PS_OBJECT_VIEW,
    PS_OBJECT_SCHEMA,
    PS_OBJECT_INDEX
} ps_object;

typedef enum ps_key_kind {
    PS_KEY_INDEX, /* not unique */
    PS_KEY_PRIMARY,
    PS_KEY_UNIQUE,
    PS_KEY_UNIQUE_INDEX
} ps_key_kind;
typedef struct ps_key_def {
    ps_str name; /* may be empty but for an index */
    ps_key_kind kind;
    uint32_t n_cols;
    const uint32_t *cols; /* of the table */
} ps_key_def;

typedef struct ps_statement {
    ps_statement_kind kind;
    uint32_t at; /* byte offset of the statement's name or keyword */
    const ps_node *plan;
    ps_str schema, name; /* schema.n 0: not said */
    bool name_quoted;
    ps_object object;        /* DROP */
    bool replace, temporary; /* CREATE */
    bool if_not_exists;      /* CREATE */
    bool if_exists, cascade; /* DROP */
    ps_schema *columns;      /* CREATE TABLE: names, types, NOT NULL; held by the arena */
    const ps_key_def *keys;  /* CREATE TABLE, CREATE INDEX */
    uint32_t n_keys;
    ps_str table;              /* CREATE INDEX: in schema */
    ps_str sql;                /* CREATE VIEW, PREPARE: canonical text */
    ps_names names;            /* CREATE VIEW: names of its columns, or none */
    uint32_t n_params;         /* PREPARE */
    bool global;               /* SET GLOBAL */
    bool local;                /* SET LOCAL: for the next statement that isn't one */
    ps_value value;            /* SET */
    const ps_value *values;    /* EXECUTE */
    const ps_str *value_names; /* EXECUTE, by value; NULL: by number */
    uint32_t n_values;
    const struct ps_statement *inner; /* EXPLAIN */
    bool analyze, rules;              /* EXPLAIN */
    bool bound;                       /* EXPLAIN: the plan as it was bound, before any rule */
    ps_plan_form form;                /* EXPLAIN */
} ps_statement;

#endif
